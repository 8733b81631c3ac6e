"""One module a resource; each holds its schemas and an APIBlueprint named `blueprint`."""

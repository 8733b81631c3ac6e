"""The domain: types and pure functions on arrays. Imports no torch, ORM or Flask."""

"""Training as a service: a run of the table is done in a process of its own, beside the line."""

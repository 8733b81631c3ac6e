"""Charts of a line's quality, and the reports of its shifts."""

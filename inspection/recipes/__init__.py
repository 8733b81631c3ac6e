"""The shipped recipes, and how recipe files are read, checked and written."""

"""The Flask pages: line board, shelf board, station and inspection pages."""

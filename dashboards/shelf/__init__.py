"""Boards of shelves and stores: gaps and what is done with them, walks, the fortnight."""

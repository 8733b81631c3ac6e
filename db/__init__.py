"""Persistence: typed SQLAlchemy models, sessions, queries, migrations and the frame store."""

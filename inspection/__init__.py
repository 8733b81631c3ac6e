"""The domain: types and pure functions on arrays. No torch, no database, no web."""

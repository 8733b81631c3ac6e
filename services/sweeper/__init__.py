"""The sweeper: finds what nobody was told of, and rings for it."""

"""Cameras in: sources, triggers, and the way of a frame to its row in the ledger."""

"""Findings without a network, and masks from a click."""

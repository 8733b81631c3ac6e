"""Alerting: hands the outbox's alerts to the channels, at least once, and says when it gave up."""

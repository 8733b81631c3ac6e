"""Long-running processes that are no model: ingest, api, alerting, sweeper."""

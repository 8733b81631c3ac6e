"""Pages of alerts: rules and channels, their forms, and the log of what was sent."""

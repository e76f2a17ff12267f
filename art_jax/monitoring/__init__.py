"""What a run knows of itself while it trains: probes and alarms."""

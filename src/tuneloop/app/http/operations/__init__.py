"""What an operator's machines ask: health, readiness, metrics."""

"""Models that satisfy the protocol."""

"""Files to symbols with their conditions."""

"""The inner loop that moves paths through positions."""

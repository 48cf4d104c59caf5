"""How close is close enough, by name."""

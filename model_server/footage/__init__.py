"""Footage of any kind, opened as one thing: a `Clip`."""

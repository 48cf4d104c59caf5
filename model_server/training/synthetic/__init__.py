"""Endless synthetic clips: random rooms and streets, drawn by ray casting, with exact truth."""

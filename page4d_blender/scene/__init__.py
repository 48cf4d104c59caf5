"""Builds the Blender scene from a result package. Gets all it needs as arguments: no preferences, no network."""

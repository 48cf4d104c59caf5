"""Solve settings, client, package reader and coordinates: no bpy, only the standard library, numpy and requests."""

"""Cameras, lenses and pixels as plain numpy: no files, no networks, no libraries of vision."""

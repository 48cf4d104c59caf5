"""Engines by name. An engine turns a shot's images into geometry; a new one plugs in by `Engine`."""

"""The HTTP API, version 1 (DESIGN.md). Never imports torch."""

"""The result package, version 1.0 (DESIGN.md): written in place, manifest last."""

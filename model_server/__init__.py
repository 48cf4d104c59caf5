"""Page4D's model server: footage in, a result package out. `python -m model_server` is its command line."""

__version__ = "0.1.0"

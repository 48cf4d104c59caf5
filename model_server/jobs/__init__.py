"""Jobs on disk and the worker process that does them."""

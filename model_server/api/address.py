"""Where the server listens when nobody says otherwise; the extension's default is the same."""

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8712

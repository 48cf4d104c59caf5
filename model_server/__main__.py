"""`python -m model_server`, and what the command `page4d-server` calls."""

from model_server.commands import app


def main() -> None:
    app()


if __name__ == "__main__":
    main()

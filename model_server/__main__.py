"""`python -m model_server`, and what the command `page4d-server` calls."""

from model_server.linear_algebra import use_one_thread


def main() -> None:
    use_one_thread()
    from model_server.commands import app  # numpy reads it when it is imported

    app()


if __name__ == "__main__":
    main()

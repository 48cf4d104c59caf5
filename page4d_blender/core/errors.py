"""The one family of errors that users of the extension see."""


class Page4DError(Exception):
    """Something the artist can read and act on; `hint` says what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class PackageError(Page4DError):
    """The result package can't be used."""

"""The one family of errors that users see, in the API, in the command line and in a failed job."""


class ServerError(Exception):
    """Something the user can read and act on.

    `status` is the HTTP status, `code` a stable word for scripts, `hint` says what to do.
    Anything under status 500 is the input's fault: the command line ends with exit code 2.
    """

    status, code = 500, "server_error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class BadInput(ServerError):
    """The request, or what it names, can't be used."""

    status, code = 400, "bad_input"


class BadFootage(BadInput):
    """The footage can't be read, or there is too little of it."""

    status, code = 422, "bad_footage"


class Unsolvable(BadInput):
    """The footage is fine, but holds too little to find a camera from."""

    status, code = 422, "unsolvable"

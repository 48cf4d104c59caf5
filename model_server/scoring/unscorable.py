"""The error for a sequence that has no score."""

from model_server.errors import BadInput


class Unscorable(BadInput):
    """A prediction, or the truth, that no figure can be made of; it counts as that sequence's failure."""

    status, code = 422, "unscorable"

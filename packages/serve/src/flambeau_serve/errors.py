"""The one error that reaches a client."""

from __future__ import annotations


class ServeError(Exception):
    """A request that cannot be answered: an HTTP status, and a sentence saying what was expected and what came."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def bad_request(message: str) -> ServeError:
    return ServeError(400, message)

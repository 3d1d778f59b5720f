"""Address: of a server, with user and password, as settings have it."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

__all__ = ["Address"]


@dataclass(frozen=True, slots=True)
class Address:
    """``scheme://user:password@host:port/name``, in its parts; ``port`` is None where it is not said, others are ""."""

    scheme: str
    user: str
    password: str
    host: str
    port: int | None
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one. Signs that mean something in an address are percent-encoded in user, password and name.

        Raises:
            ValueError: the text has another form.
        """
        parts = urlsplit(text)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, user, password, parts.hostname or "", parts.port, unquote(parts.path.strip("/")))

"""Shipped: the model files that come with the package, found by the start of their SHA-256 or by name."""

import hashlib
from importlib import resources

from medarchive.errors import UnknownCodec

__all__ = ["model_file"]


def model_file(default: str, identity: bytes | None, what: str, codec: str) -> bytes:
    """The bytes of a model file.

    Args:
        default: the file's name where no identity is asked for; others of its kind end as it does.
        identity: the first bytes of the file's SHA-256; None takes the default.
        what: what such a file holds, for the message.
        codec: whose it is, for the message.

    Raises:
        UnknownCodec: there is none.
    """
    folder = resources.files("medarchive.codecs") / "weights"
    if identity is None:
        return (folder / default).read_bytes()
    ending = default[default.rindex(".") :]
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(ending):
            data = file.read_bytes()
            if hashlib.sha256(data).digest().startswith(identity):
                return data
    raise UnknownCodec(f"{what} {identity.hex()} of the {codec} codec is not here; a newer medarchive may have it")

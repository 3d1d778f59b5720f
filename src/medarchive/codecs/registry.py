"""Registry: names of codecs and where they live. Nothing is imported before it is asked for."""

import importlib
from dataclasses import dataclass

from medarchive.codecs.base import Codec
from medarchive.errors import UnknownCodec

__all__ = ["CodecInfo", "describe", "get", "names"]

_CODECS = {
    "predictive": ("medarchive.codecs.predictive:Predictive", "learned prediction, 1-16 bits, 16 frames at a time"),
    "autoencoder": ("medarchive.codecs.autoencoder:Autoencoder", "learned lossy and bounded, 1-16 bits, 1-4 samples"),
    "jpegxl": ("medarchive.codecs.jpegxl:JpegXl", "JPEG XL lossless (libjxl), 1-16 bits, 1 or 3 samples"),
    "zstd-planes": ("medarchive.codecs.zstd:ZstdPlanes", "Zstandard over byte planes, 1-32 bits, any samples"),
}


@dataclass(frozen=True, slots=True)
class CodecInfo:
    """A codec as ``medarchive codecs`` lists it.

    Attributes:
        name: what it is called by.
        title: what it is.
        available: whether it can be used here.
        trouble: why not, empty where it can.
        remark: how it works here, where there is something to say.
    """

    name: str
    title: str
    available: bool
    trouble: str
    remark: str = ""


def names() -> tuple[str, ...]:
    """The names of all codecs, the ones whose package is missing too."""
    return tuple(_CODECS)


def get(name: str) -> Codec:
    """The codec of a name.

    Raises:
        UnknownCodec: there is none, or what it needs is not installed.
    """
    if name not in _CODECS:
        raise UnknownCodec(f"no codec {name!r}; known are {', '.join(_CODECS)}")
    module, _, kind = _CODECS[name][0].partition(":")
    try:
        codec: Codec = getattr(importlib.import_module(module), kind)()
    except ImportError as error:
        raise UnknownCodec(f"codec {name!r} cannot be used here: {error}; install its package") from error
    return codec


def describe() -> list[CodecInfo]:
    """All codecs and whether they can be used here."""
    found = []
    for name, (_, title) in _CODECS.items():
        try:
            remark = getattr(get(name), "remark", "")
            found.append(CodecInfo(name, title, available=True, trouble="", remark=remark))
        except UnknownCodec as error:
            found.append(CodecInfo(name, title, available=False, trouble=str(error)))
    return found

"""medarchive: a DICOM archive and a compression library that prove what they keep.

Importing this package does no work: each name below is fetched when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medarchive import errors
    from medarchive.archive.archive import Archive
    from medarchive.codecs.api import Inspection, decode, encode, inspect, preview
    from medarchive.codecs.registry import describe as codecs
    from medarchive.dicom.query import Level, Query
    from medarchive.errors import MedarchiveError
    from medarchive.image import Image
    from medarchive.settings import Peer, Settings

__all__ = [
    "Archive",
    "Image",
    "Inspection",
    "Level",
    "MedarchiveError",
    "Peer",
    "Query",
    "Settings",
    "__version__",
    "codecs",
    "decode",
    "encode",
    "errors",
    "inspect",
    "preview",
]

__version__ = "0.1.0.dev0"

_HOMES = {
    "Archive": "medarchive.archive.archive",
    "Image": "medarchive.image",
    "Inspection": "medarchive.codecs.api",
    "Level": "medarchive.dicom.query",
    "MedarchiveError": "medarchive.errors",
    "Peer": "medarchive.settings",
    "Query": "medarchive.dicom.query",
    "Settings": "medarchive.settings",
    "decode": "medarchive.codecs.api",
    "encode": "medarchive.codecs.api",
    "inspect": "medarchive.codecs.api",
    "preview": "medarchive.codecs.api",
}


def __getattr__(name: str) -> Any:
    """Fetch a public name from the module that it lives in."""
    if name in ("codecs", "errors"):
        return importlib.import_module(f"medarchive.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'medarchive' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return list(__all__)

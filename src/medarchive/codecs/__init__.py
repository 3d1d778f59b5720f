"""Codecs: integer pixels in, bytes out. Knows no DICOM, no files, no database, no network.

``medarchive.codecs`` is this package and, called, the list of codecs: both names are part of the library's front door.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medarchive.codecs.registry import CodecInfo


class _Listing(ModuleType):
    """A package that can be called; Python sets a package's attribute over any function of the same name."""

    def __call__(self) -> "list[CodecInfo]":
        """The codecs that exist, and whether they can be used here."""
        from medarchive.codecs.registry import describe  # noqa: PLC0415  # importing this package does no work

        return describe()


sys.modules[__name__].__class__ = _Listing

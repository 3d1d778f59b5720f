"""Kinds: what a file that somebody uploads is, by its first bytes; its name says nothing."""

from typing import BinaryIO, Literal

__all__ = ["Kind", "kind"]

Kind = Literal["dicom", "zip", "picture", "other"]
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def kind(file: BinaryIO) -> Kind:
    """What a file is. DICOM goes first: its preamble may look like anything (PS3.10 7.1)."""
    file.seek(0)
    start = file.read(132)
    file.seek(0)
    if start[128:] == b"DICM":
        return "dicom"
    if start.startswith(_ZIP):
        return "zip"
    return "picture" if start.startswith(_PICTURES) else "other"

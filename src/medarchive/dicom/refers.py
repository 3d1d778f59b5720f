"""Refers: which other instances a report, a key object note, a presentation state, a segmentation or a plan points at.

The bytes are searched for Referenced SOP Instance UID (0008,1155), whatever they are nested in. That finds those in
private and unknown sequences, in every transfer syntax but the deflated one, and in files whose structure is broken.
What looks like a reference and is none costs nothing but caution. Only what this software reported by itself, and
nobody has verified, does not count: else reading an image would keep it from ever being stored with loss.
"""

import re
from typing import BinaryIO

from medarchive.dicom.deflated import inflated
from medarchive.dicom.ours import is_our_report_file
from medarchive.dicom.part10 import DEFLATED, Header, read_header

__all__ = ["References", "deflated_references", "references", "refers"]

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_CLASSES = ("88", "11", "66", "67", "30", "481")
"""Storage SOP classes (PS3.4 B.5): SR and KO; presentation states; segmentations, registrations and fiducials; real
world value maps; parametric maps; radiotherapy. Each with those whose UIDs continue it."""
_MODALITIES = frozenset(
    ("SR", "KO", "PR", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTIMAGE", "RTRECORD", "REG", "FID", "RWV")
)
_TAGS = (b"\x08\x00\x55\x11", b"\x00\x08\x11\x55")
_VALUE = re.compile(
    rb"(?:UI)?"  # no VR where it is implicit
    rb"(?:[\x00-\x40]\x00(?:\x00\x00)?|\x00[\x00-\x40])"  # the length, 64 at most, in two bytes or four
    rb"([0-9][0-9.]{0,63})"
)
_LONGEST = 4 + 2 + 4 + 64
_CHUNK = 1 << 20
_MOST_INFLATED = 64 << 20


def refers(sop_class: str, modality: str) -> bool:
    """Whether objects of this kind are there to say something about others.

    Args:
        sop_class: SOP Class UID.
        modality: for private SOP classes.
    """
    if modality.upper() in _MODALITIES:
        return True
    return any(sop_class == _STORAGE + one or sop_class.startswith(f"{_STORAGE}{one}.") for one in _CLASSES)


class References:
    """Collects the references in a stream of bytes, however it is cut into pieces."""

    def __init__(self) -> None:
        self._uids: set[str] = set()
        self._end = b""

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        whole = self._end + data
        self._uids |= {uid for uid, end in _found(whole) if end < len(whole)}  # at the end, one may be cut off
        self._end = whole[-_LONGEST:]

    @property
    def uids(self) -> frozenset[str]:
        """The SOP Instance UIDs that what was taken so far refers to."""
        return frozenset(self._uids | {uid for uid, _ in _found(self._end)})


def references(part10: BinaryIO) -> frozenset[str]:
    """The SOP Instance UIDs that a Part 10 file refers to; none where it is a report of our own, see ``is_ours``.

    Raises:
        NotDicom, LimitExceeded: see ``read_header``.
    """
    header = read_header(part10)
    if header.trouble == DEFLATED:
        return deflated_references(part10, header)
    if is_our_report_file(part10, header.text(0x00080016, "UI").strip(" \0")):
        return frozenset()
    found = References()
    part10.seek(header.dataset_offset)
    while chunk := part10.read(_CHUNK):
        found.feed(chunk)
    return found.uids


def deflated_references(part10: BinaryIO, header: Header) -> frozenset[str]:
    """The same of a deflated file: of what stands before its pixel data, which is as much as headers are read from."""
    found = References()
    found.feed(inflated(part10, header.dataset_offset, _MOST_INFLATED)[0].getvalue())
    return found.uids


def _found(data: bytes) -> list[tuple[str, int]]:
    """The UIDs that follow the tag, and where each ends."""
    found = []
    for tag in _TAGS:
        place = data.find(tag)
        while place >= 0:
            match = _VALUE.match(data, place + len(tag))
            if match:
                found.append((match[1].decode("ascii"), match.end()))
            place = data.find(tag, place + 1)
    return found

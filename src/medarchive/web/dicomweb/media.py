"""Media: which transfer syntaxes go out by the web, and the media types of their frames (PS3.18 8.7.3)."""

from collections.abc import Sequence
from functools import lru_cache

from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medarchive.dicom.encapsulated import DECODED
from medarchive.dicom.transcode import TARGETS
from medarchive.web.dicomweb.accept import Offer

__all__ = ["DICOM", "FRAMES", "NATIVE", "OCTETS", "frame_offers", "frame_type", "object_offers"]

DICOM, OCTETS = "application/dicom", "application/octet-stream"
NATIVE = str(ExplicitVRLittleEndian)
"""The transfer syntax where none is asked for (8.7.3.1)."""
_STAY = (str(ImplicitVRLittleEndian), str(ExplicitVRBigEndian))
"""What never leaves by the web: Explicit VR Little Endian does in their place (8.7.3.2)."""

_BASE = "1.2.840.10008.1.2."
FRAMES = {
    **dict.fromkeys((f"{_BASE}4.{n}" for n in (50, 51, 57, 70)), "image/jpeg"),
    **dict.fromkeys((f"{_BASE}4.{n}" for n in (80, 81)), "image/jls"),
    **dict.fromkeys((f"{_BASE}4.{n}" for n in (90, 91)), "image/jp2"),
    **dict.fromkeys((f"{_BASE}4.{n}" for n in (92, 93)), "image/jpx"),
    **dict.fromkeys((f"{_BASE}4.{n}" for n in (201, 202, 203)), "image/jphc"),
    **dict.fromkeys((f"{_BASE}4.{n}" for n in (110, 111, 112)), "image/jxl"),
    f"{_BASE}5": "image/dicom-rle",
    **dict.fromkeys((f"{_BASE}4.{n}" for n in (100, 101)), "video/mpeg2"),
    **dict.fromkeys((f"{_BASE}4.{n}" for n in range(102, 109)), "video/mp4"),
}
"""The media types of compressed frames by their transfer syntaxes (tables 8.7.3-4 and 8.7.3-5)."""


@lru_cache(256)
def object_offers(stored: str, *, image: bool, alone: bool) -> Sequence[Offer]:
    """The forms of an instance as a whole.

    Args:
        stored: transfer syntax UID of the instance.
        image: whether it has pixels.
        alone: whether it is all that is asked for, so that it needs no multipart message.
    """
    readable = stored in DECODED or stored not in FRAMES
    syntaxes = [] if stored in _STAY else [stored]
    syntaxes += [NATIVE] if readable else []
    syntaxes += [syntax for syntax in TARGETS if syntax not in _STAY] if readable and image else []
    standard = NATIVE if readable else stored
    found = [Offer(DICOM, True, syntax, syntax == standard) for syntax in dict.fromkeys(syntaxes)]
    return found + [Offer(DICOM, False, offer.syntax, offer.default) for offer in found if alone]


@lru_cache(256)
def frame_offers(stored: str, *, compressed: bool, alone: bool) -> Sequence[Offer]:
    """The forms of frames.

    Args:
        stored: transfer syntax UID of the object.
        compressed: whether its frames lie there encapsulated.
        alone: whether one frame is asked for, so that it needs no multipart message.
    """
    readable = not compressed or stored in DECODED
    found: list[Offer] = []
    if compressed:
        found += [Offer(FRAMES[stored], True, stored, default=False)] if stored in FRAMES else []
        found.append(Offer(OCTETS, True, stored, default=not readable))
    if readable:
        found.append(Offer(OCTETS, True, NATIVE))
        for syntax in TARGETS:
            if syntax in FRAMES and syntax != stored:
                found += [
                    Offer(FRAMES[syntax], True, syntax, default=False),
                    Offer(OCTETS, True, syntax, default=False),
                ]
    return found + [Offer(offer.media, False, offer.syntax, offer.default) for offer in found if alone]


def frame_type(offer: Offer) -> str:
    """The Content-Type of a frame."""
    return f"{offer.media}; transfer-syntax={offer.syntax}"

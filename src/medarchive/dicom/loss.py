"""Loss: which objects may never be stored with loss, whatever a policy says, and why.

What is said here follows from an object alone. What follows from others (references, commitments) is the archive's.
"""

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from medarchive.policy import NEVER

__all__ = ["may_not_lose"]

_EXACT = frozenset(
    map(
        str,
        (
            *(ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian),
            *(JPEGLossless, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless, HTJ2KLosslessRPCL),
            *(RLELossless, "1.2.840.10008.1.2.4.110"),
        ),
    )
)
"""Transfer syntaxes whose pixels their encoding cannot have changed (PS3.5 A.4); the last is JPEG XL Lossless."""

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_CLASSES = {
    "mammography": ("1.2", "1.2.1", "13.1.3", "13.1.4", "13.1.5"),
    "a segmentation": ("66",),
    "a parametric map": ("30",),
    "a radiotherapy object": ("481",),
    "a PET image": ("128", "128.1", "130"),
    "a nuclear medicine image": ("20",),
    "a secondary capture": ("7",),
}
"""Storage SOP classes (PS3.4 B.5), each with those whose UIDs continue it."""
_SCREENS = frozenset(("SCREEN SAVE", "SCREENSHOT", "SCREEN", "DISPLAY"))


def may_not_lose(dataset: Dataset, transfer_syntax: str) -> str | None:
    """Why an object must be kept as it is; None where nothing in it stands against loss.

    Args:
        dataset: the object up to its pixel data.
        transfer_syntax: UID of the one in which it was received.
    """
    return _lossy(dataset, transfer_syntax) or _kind(dataset) or _said(dataset) or _pixels(dataset)


def _lossy(dataset: Dataset, transfer_syntax: str) -> str | None:
    """Whether something was lost before (PS3.3 C.7.6.1.1.5)."""
    if transfer_syntax not in _EXACT:
        return f"transfer syntax {transfer_syntax} may have lost something already"
    if _text(dataset, "LossyImageCompression") not in ("", "00"):
        return "the pixels were compressed with loss before (0028,2110)"
    if _text(dataset, "LossyImageCompressionRatio") or _text(dataset, "LossyImageCompressionMethod"):
        return "the pixels were compressed with loss before (0028,2112), (0028,2114)"
    return None


def _kind(dataset: Dataset) -> str | None:
    """Whether it is of a kind of which nothing may be lost."""
    modality, sop_class = _text(dataset, "Modality").upper(), _text(dataset, "SOPClassUID")
    if modality in NEVER:
        return f"modality {modality} is never stored with loss"
    for kind, numbers in _CLASSES.items():
        if any(sop_class == _STORAGE + number or sop_class.startswith(f"{_STORAGE}{number}.") for number in numbers):
            return f"it is {kind}"
    return None


def _said(dataset: Dataset) -> str | None:
    """Whether it says of itself what forbids it."""
    if _text(dataset, "BurnedInAnnotation").upper() == "YES":
        return "annotation is burned into its pixels (0028,0301)"
    if _SCREENS.intersection(_text(dataset, "ImageType").upper().split("\\")):
        return f"it is a picture of a screen: Image Type {_text(dataset, 'ImageType')}"
    if not (_text(dataset, "StudyInstanceUID") and _text(dataset, "SeriesInstanceUID")):
        return "it does not say of which study and series it is"
    if "MACParametersSequence" in dataset or "DigitalSignaturesSequence" in dataset:
        return "it is digitally signed"
    return None


def _pixels(dataset: Dataset) -> str | None:
    """Whether its pixels are what can be coded with loss: one sample of 2 to 16 bits, grey."""
    colours = _text(dataset, "PhotometricInterpretation").upper()
    if colours not in ("MONOCHROME1", "MONOCHROME2"):
        return f"its pixels are not grey: Photometric Interpretation {colours or 'is absent'}"
    if _text(dataset, "SamplesPerPixel") != "1":
        return "its pixels do not have one sample"
    if _text(dataset, "BitsAllocated") not in ("8", "16") or not 2 <= _number(dataset, "BitsStored") <= 16:
        return "its pixels are no integers of 2 to 16 bits"
    if _number(dataset, "HighBit") != _number(dataset, "BitsStored") - 1:
        return "its pixels do not lie in the lowest bits of their words"
    return None


def _number(dataset: Dataset, keyword: str) -> int:
    text = _text(dataset, keyword)
    return int(text) if text.isascii() and text.isdigit() else -1


def _text(dataset: Dataset, keyword: str) -> str:
    """A value as text, several joined by a backslash; empty where it is absent."""
    value = dataset.get(keyword)
    if value is None:
        return ""
    values = value if isinstance(value, MultiValue) else [value]
    return "\\".join(str(each).strip() for each in values)

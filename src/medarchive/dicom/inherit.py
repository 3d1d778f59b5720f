"""Inherit: what a new object takes over from an image of its study, so that any PACS files it with the same patient.

The values as they are, in Unicode. What no standard allows is left out: a new object is not to be odd because an old
one is. The patient's name and ID and the study's UID are never left out.
"""

import datetime as dt
import re
import warnings

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from medarchive.errors import MissingIdentity

__all__ = ["inherited"]

_TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
)
"""Always there, if empty (PS3.3 C.7.1.1, C.7.2.1)."""
_TYPE_3 = ("IssuerOfPatientID", "StudyDescription", "PatientAge", "PatientSize", "PatientWeight")
_LONGEST = {"LO": 64, "SH": 16, "PN": 3 * 64 + 2}
_FORMS = {"AS": r"\d{3}[DWMY]", "CS": r"[MFO]", "DS": r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"}
"""The only CS here is Patient's Sex."""
_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


def inherited(source: Dataset) -> Dataset:
    """The Patient and General Study modules for a new object.

    Args:
        source: the header of an image of the study.

    Raises:
        MissingIdentity: the image does not say what it is, or of which study and series.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lacking = [keyword for keyword in _IDENTITY if not _text(source, keyword)]
        if lacking:
            uid = _text(source, "SOPInstanceUID") or "an image"
            raise MissingIdentity(f"{uid} has no {', no '.join(lacking)}: no object can be made that belongs to it")
        made = Dataset()
        made.SpecificCharacterSet = "ISO_IR 192"
        made.StudyInstanceUID = _text(source, "StudyInstanceUID")
        for keyword in _TYPE_2:
            setattr(made, keyword, _clean(source, keyword))
        for keyword in _TYPE_3:
            value = _clean(source, keyword)
            if value:
                setattr(made, keyword, value)
        method = _text(source, "DeidentificationMethod")
        if method and _text(source, "PatientIdentityRemoved") == "YES":
            made.PatientIdentityRemoved, made.DeidentificationMethod = "YES", method[:64]
        return made


def _clean(source: Dataset, keyword: str) -> str | PersonName:
    """A value as its VR allows it (PS3.5 6.2), "" where it is absent or not allowed."""
    text = _text(source, keyword)
    if keyword == "PatientID":
        return text
    text, vr = text.strip(), dictionary_VR(keyword)
    if vr == "PN":
        return PersonName(text)
    if vr in ("DA", "TM"):
        return text if _is_time(text, vr) else ""
    if vr in _FORMS:
        return text if re.fullmatch(_FORMS[vr], text) and len(text) <= 16 else ""
    return text[: _LONGEST[vr]].rstrip()


def _is_time(text: str, vr: str) -> bool:
    """Whether text is a date (DA) or a time (TM) that there is."""
    digits = text.split(".", maxsplit=1)[0]
    forms = {8: "%Y%m%d"} if vr == "DA" else {2: "%H", 4: "%H%M", 6: "%H%M%S"}
    if len(digits) not in forms or not re.fullmatch(r"\d+(\.\d{1,6})?" if vr == "TM" else r"\d+", text):
        return False
    try:
        dt.datetime.strptime(digits, forms[len(digits)])
    except ValueError:
        return False
    return True


def _text(source: Dataset, keyword: str) -> str:
    """A value as one line of text; several of them, which are one too many here, joined by a space."""
    try:
        value = source.get(keyword)
    except Exception:  # noqa: BLE001  # what pydicom raises on odd values has no common root
        return ""
    values = value if isinstance(value, MultiValue) else [value]
    text = " ".join(str(one) for one in values if one is not None)
    return re.sub(r"[\x00-\x1f\x7f\\]+", " ", text).rstrip()

"""Messages: audit records as PS3.15 A.5 and IHE ATNA write them, for those who collect the records of many systems."""

import base64
import re
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import NamedTuple
from xml.etree import ElementTree as ET

from medarchive.archive.audit import RECORD, Action, Event

__all__ = ["message"]

_Code = tuple[str, str]
"""Code and meaning; the scheme is DCM (PS3.16 CID 400 to 404)."""


class _Kind(NamedTuple):
    """What an action is there: Event ID, Event Action Code (create, read, update, delete, execute), Event Type Code."""

    event: _Code
    action: str
    type: _Code | None = None


_ACCESSED, _TRANSFERRED = ("110103", "DICOM Instances Accessed"), ("110104", "DICOM Instances Transferred")
_ALERT, _LOGIN = ("110113", "Security Alert"), ("110114", "User Authentication")
_USER_CHANGED = ("110137", "User Security Attributes Changed")
_KINDS: dict[Action, _Kind] = {
    "login": _Kind(_LOGIN, "E", ("110122", "Login")),
    "logout": _Kind(_LOGIN, "E", ("110123", "Logout")),
    "account": _Kind(_ALERT, "E", _USER_CHANGED),
    "token": _Kind(_ALERT, "E", _USER_CHANGED),
    "query": _Kind(("110112", "Query"), "E"),
    "view": _Kind(_ACCESSED, "R"),
    "download": _Kind(("110106", "Export"), "R"),
    "upload": _Kind(("110107", "Import"), "C"),
    "similar": _Kind(_ACCESSED, "R"),
    "detect": _Kind(_ACCESSED, "R"),
    "correct": _Kind(_ACCESSED, "U"),
    "delete": _Kind(("110105", "DICOM Study Deleted"), "D"),
    "undelete": _Kind(_ACCESSED, "C"),
    "commit": _Kind(_ACCESSED, "R"),
    "share": _Kind(_ALERT, "E", ("110135", "Object Security Attributes Changed")),
    "configure": _Kind(_ALERT, "E", ("110131", "Software Configuration")),
    "check": _Kind(_ACCESSED, "R"),
    "refused": _Kind(_ALERT, "E", ("110132", "Use of Restricted Function")),
}
_AT_NODE: dict[Action, _Kind] = {
    "login": _Kind(_ALERT, "E", ("110126", "Node Authentication")),
    "download": _Kind(_TRANSFERRED, "R"),
    "upload": _Kind(_TRANSFERRED, "C"),
}
_RECORD_USED = _Kind(("110101", "Audit Log Used"), "R")
_OUTCOMES = {"success": "0", "failed": "4", "refused": "8"}
"""Minor failure: of an attempt; serious: of somebody who may not."""
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_OF_STUDIES = ("upload", "share")
"""Actions whose object is always a study."""
_NOT_XML = re.compile("[^\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def message(event: Event, source: str) -> str:
    """A record as one AuditMessage (A.5.1), without line breaks.

    Args:
        event: the record.
        source: the name of this archive: its AE title.
    """
    kind = _kind(event)
    root = ET.Element("AuditMessage")
    identification = _add(
        root,
        "EventIdentification",
        EventActionCode=kind.action,
        EventDateTime=datetime.fromtimestamp(event.at, UTC).isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=_OUTCOMES[event.outcome],
    )
    _code(identification, "EventID", kind.event)
    if kind.type is not None:
        _code(identification, "EventTypeCode", kind.type)
    if event.outcome != "success":
        _add(identification, "EventOutcomeDescription").text = _text(event.detail or event.outcome)
    _add(root, "ActiveParticipant", UserID=event.who or "nobody", UserIsRequestor="true", **_address(event.origin))
    _add(root, "ActiveParticipant", UserID=source, UserIsRequestor="false")
    _add(root, "AuditSourceIdentification", AuditSourceID=source)
    if event.object or event.detail:
        _object(root, event)
    return ET.tostring(root, encoding="unicode")


def _kind(event: Event) -> _Kind:
    if event.object == RECORD and event.action in ("view", "download"):
        return _RECORD_USED
    at_node = _AT_NODE.get(event.action) if event.face == "node" else None
    return at_node or _KINDS[event.action]


def _object(root: ET.Element, event: Event) -> None:
    """What it was done to. Type 2 is a system object; of a question the object is the query (role 24)."""
    role = {"ParticipantObjectTypeCodeRole": "24"} if event.action == "query" else {}
    about = _add(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=event.object or event.action,
        ParticipantObjectTypeCode="2",
        **role,
    )
    of_study = event.action in _OF_STUDIES or (event.action == "download" and event.face == "node")
    if of_study and _UID.fullmatch(event.object):
        _code(about, "ParticipantObjectIDTypeCode", ("110180", "Study Instance UID"))
    else:
        _add(about, "ParticipantObjectIDTypeCode", **_coded("object", "99MEDARCHIVE", "Object of an audit record"))
    _add(about, "ParticipantObjectName").text = _text(event.object or event.action)
    if event.detail:
        encoded = base64.b64encode(event.detail.encode()).decode()
        _add(about, "ParticipantObjectDetail", type="detail", value=encoded)


def _address(origin: str) -> dict[str, str]:
    """A network access point: 2 is an IP address, 1 the name of a machine."""
    if not origin:
        return {}
    try:
        ip_address(origin)
    except ValueError:
        return {"NetworkAccessPointID": origin, "NetworkAccessPointTypeCode": "1"}
    return {"NetworkAccessPointID": origin, "NetworkAccessPointTypeCode": "2"}


def _code(parent: ET.Element, name: str, code: _Code) -> None:
    _add(parent, name, **_coded(code[0], "DCM", code[1]))


def _coded(value: str, scheme: str, meaning: str) -> dict[str, str]:
    return {"csd-code": value, "codeSystemName": scheme, "originalText": meaning}


def _add(parent: ET.Element, name: str, **attributes: str) -> ET.Element:
    return ET.SubElement(parent, name, {key: _text(value) for key, value in attributes.items()})


def _text(text: str) -> str:
    """Text that may stand in XML 1.0, on one line."""
    return _NOT_XML.sub("?", text)

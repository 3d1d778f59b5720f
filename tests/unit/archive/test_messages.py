"""Audit records as messages of PS3.15 A.5."""

import base64
from typing import get_args
from xml.etree import ElementTree as ET

import pytest
from pydicom.sr._concepts_dict import concepts

from medarchive.archive.audit import ACTIONS, FACES, OUTCOMES, Event, Face
from medarchive.archive.messages import message


def _named(group: int) -> dict[str, str]:
    """Codes and meanings of a context group, as pydicom has them."""
    named: dict[str, dict[str, tuple[str, list[int]]]] = concepts["DCM"]  # type: ignore[assignment]
    return {code: meaning for each in named.values() for code, (meaning, groups) in each.items() if group in groups}


_CODES, _TYPES = _named(400), _named(401)
_ORDER = ["EventIdentification", "ActiveParticipant", "ActiveParticipant", "AuditSourceIdentification"]


def parsed(**values: object) -> ET.Element:
    given = {"action": "view", "who": "ann", "origin": "10.0.0.1", "face": "web", "object": "1.2.3", "at": 1.5}
    text = message(Event(**{**given, **values}), "MEDARCHIVE")  # type: ignore[arg-type]
    assert "\n" not in text
    return ET.fromstring(text)


def attributes(root: ET.Element, path: str) -> dict[str, str]:
    found = root.find(path)
    assert found is not None, path
    return found.attrib


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_codes_of_the_standard(action: str, face: Face) -> None:
    root = parsed(action=action, face=face)
    assert [child.tag for child in root] == [*_ORDER, "ParticipantObjectIdentification"]
    event = attributes(root, "EventIdentification/EventID")
    assert (event["codeSystemName"], event["originalText"]) == ("DCM", _CODES[event["csd-code"]])
    kind = root.find("EventIdentification/EventTypeCode")
    assert kind is None or kind.attrib["originalText"] == _TYPES[kind.attrib["csd-code"]]
    assert attributes(root, "EventIdentification")["EventActionCode"] in "CRUDE"


def test_who_from_where_and_when() -> None:
    root = parsed()
    assert attributes(root, "EventIdentification")["EventDateTime"] == "1970-01-01T00:00:01.500+00:00"
    who, archive = root.findall("ActiveParticipant")
    assert who.attrib == {
        "UserID": "ann",
        "UserIsRequestor": "true",
        "NetworkAccessPointID": "10.0.0.1",
        "NetworkAccessPointTypeCode": "2",
    }
    assert archive.attrib == {"UserID": "MEDARCHIVE", "UserIsRequestor": "false"}
    assert attributes(root, "AuditSourceIdentification") == {"AuditSourceID": "MEDARCHIVE"}
    named = parsed(origin="modality.example.org").findall("ActiveParticipant")[0]
    assert named.attrib["NetworkAccessPointTypeCode"] == "1"
    assert "NetworkAccessPointID" not in parsed(origin="").findall("ActiveParticipant")[0].attrib


def test_outcomes() -> None:
    found = {one: attributes(parsed(outcome=one), "EventIdentification") for one in OUTCOMES}
    assert {one: values["EventOutcomeIndicator"] for one, values in found.items()} == {
        "success": "0",
        "refused": "8",
        "failed": "4",
    }
    assert parsed(outcome="failed", detail="why").findtext("EventIdentification/EventOutcomeDescription") == "why"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"action": "upload", "face": "node"}, "110104"),
        ({"action": "upload", "face": "web"}, "110107"),
        ({"action": "download", "face": "node"}, "110104"),
        ({"action": "download", "face": "cli"}, "110106"),
        ({"action": "download", "object": "audit"}, "110101"),
        ({"action": "view", "object": "audit"}, "110101"),
        ({"action": "delete"}, "110105"),
        ({"action": "query"}, "110112"),
        ({"action": "login", "face": "node", "outcome": "refused"}, "110113"),
        ({"action": "login", "face": "web", "outcome": "refused"}, "110114"),
    ],
)
def test_what_an_action_is_there(values: dict[str, str], code: str) -> None:
    assert attributes(parsed(**values), "EventIdentification/EventID")["csd-code"] == code


def test_objects_and_details() -> None:
    of_study = parsed(action="upload", detail="2 by C-STORE").find("ParticipantObjectIdentification")
    assert of_study is not None
    assert of_study.attrib["ParticipantObjectID"] == "1.2.3"
    assert attributes(of_study, "ParticipantObjectIDTypeCode")["csd-code"] == "110180"
    assert base64.b64decode(attributes(of_study, "ParticipantObjectDetail")["value"]) == b"2 by C-STORE"
    assert attributes(parsed(), "ParticipantObjectIdentification/ParticipantObjectIDTypeCode")["csd-code"] == "object"
    query = attributes(parsed(action="query", object="", detail="by x"), "ParticipantObjectIdentification")
    assert query["ParticipantObjectTypeCodeRole"] == "24"
    assert parsed(object="", detail="").find("ParticipantObjectIdentification") is None


def test_hostile_text_stays_text() -> None:
    hostile = '"/><EventID csd-code="1"/>\x00\x1b\n\ud800\ufffe&'
    root = parsed(who=hostile, object=hostile, outcome="failed")
    assert len(root.findall(".//EventID")) == 1
    assert root.findall("ActiveParticipant")[0].attrib["UserID"] == '"/><EventID csd-code="1"/>?????&'
    assert get_args(Face) == FACES

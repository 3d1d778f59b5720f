import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.dicom.query import Exact, Level, Match, OneOf, Query, Range, Wildcard, normalise
from medarchive.dicom.response import response
from medarchive.errors import BadQuery
from medarchive.settings import Settings


def matcher(pair: str) -> object:
    keys = Query.from_pairs(Level.IMAGE, [pair]).keys
    return keys[0].matcher if keys else None


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("PatientID=7", Exact("7")),
        ("patientid=7", Exact("7")),
        ("00100020=7", Exact("7")),
        ("(0010,0020)=7", Exact("7")),
        ("PatientName=Doe*", Wildcard("Doe*")),
        ("PatientName=D?e", Wildcard("D?e")),
        ("PatientName=*", None),
        ("PatientName=", None),
        ("StudyInstanceUID=1.2\\1.3", OneOf(("1.2", "1.3"))),
        ("StudyDate=20240101", Exact("20240101")),
        ("StudyDate=20240101-", Range("20240101", "")),
        ("StudyDate=-20240101", Range("", "20240101")),
        ("StudyDate=20240101-20241231", Range("20240101", "20241231")),
        ("StudyDate=2024-01-01", Exact("2024-01-01")),
        ("StudyTime=10", Range("10", "105959.999999")),
        ("StudyTime=1030-1100", Range("1030", "110059.999999")),
        ("StudyTime=103000.5", Range("103000.5", "103000.599999")),
    ],
)
def test_matching_keys(pair: str, expected: object) -> None:
    assert matcher(pair) == expected


@pytest.mark.parametrize(
    ("pair", "says"),
    [
        ("PatientNme=x", "did you mean PatientName"),
        ("PixelData=x", "not indexed"),
        ("nonsense", "KEY=VALUE"),
        ("StudyDate=last week", "expected a date"),
        ("StudyDate=-", "expected a date"),
        ("StudyTime=noon", "expected a time"),
        ("StudyInstanceUID=1.2.*", "wild cards"),
        ("StudyInstanceUID=1.2.*\\1.3", "wild cards"),
    ],
)
def test_bad_keys_say_what_to_do(pair: str, says: str) -> None:
    with pytest.raises(BadQuery, match=says):
        Query.from_pairs(Level.IMAGE, [pair])


def test_a_key_below_its_level() -> None:
    with pytest.raises(BadQuery, match="--level series"):
        Query.from_pairs(Level.STUDY, ["Modality=CT"])


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("PN", "DOE^John^^", "doe^john"),
        ("PN", "^John", "^john"),
        ("PN", "Wang^XiaoDong=王^小東=", "wang^xiaodong=王^小東"),
        ("PN", "STRASSE", normalise("PN", "straße")),
        ("DA", "2024.01.02", "20240102"),
        ("TM", "1030", "103000.000000"),
        ("TM", "10:30:15.5", "103015.500000"),
        ("TM", "", ""),
        ("LO", " a ", "a"),
    ],
)
def test_values_are_compared_in_one_form(vr: str, value: str, expected: str) -> None:
    assert normalise(vr, value) == expected


@pytest.mark.parametrize(("level", "root"), [("", Level.STUDY), ("FRAME", Level.STUDY), ("PATIENT", Level.STUDY)])
def test_identifiers_with_a_level_that_is_none(level: str, root: Level) -> None:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    with pytest.raises(BadQuery):
        Query.from_dataset(identifier, root=root)


def test_keys_of_lower_levels_in_an_identifier_are_left_aside() -> None:
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.PatientName, identifier.InstanceNumber = "STUDY", "A*", "1"
    query = Query.from_dataset(identifier, root=Level.PATIENT)
    assert [key.keyword for key in query.keys] == ["PatientName"]


def test_a_response_has_what_was_asked_for_and_nothing_else() -> None:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    for keyword in (
        "PatientName",
        "StudyDate",
        "NumberOfStudyRelatedInstances",
        "PatientWeight",
        "InstanceAvailability",
    ):
        setattr(identifier, keyword, None)
    identifier.add_new(0x00091001, "LO", "private")
    values = {"PatientName": "Müller^Eva", "StudyDate": "20240102", "NumberOfStudyRelatedInstances": "5"}
    match = Match(Level.STUDY, {**values, "PatientWeight": "nonsense?", "StudyInstanceUID": "1.2", "PatientID": "7"})
    answer = response(match, identifier, retrieve_ae_title="US")
    assert answer.PatientName == "Müller^Eva"
    assert answer.SpecificCharacterSet == "ISO_IR 192"
    assert answer.NumberOfStudyRelatedInstances == 5
    assert answer.PatientWeight is None
    assert (answer.InstanceAvailability, answer.RetrieveAETitle, answer.StudyInstanceUID) == ("ONLINE", "US", "1.2")
    assert "StudyDescription" not in answer
    assert 0x00091001 not in answer


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder: Path = tmp_path_factory.mktemp("archive")
    with Archive.open(Settings(archive=folder)) as archive:
        people = (("P1", "Doe^John", "20240101"), ("P2", "DOE^Jane", "20240615"), ("P3", "Müller^Eva", "20250101"))
        for index, (patient, name, date) in enumerate(people):
            for series in range(2):
                uid = f"1.9.{index}.{series}"
                attributes = {"PatientName": name, "StudyDate": date, "StudyTime": f"1{index}3000"}
                attributes |= {"Modality": ("CT", "MR")[series], "SpecificCharacterSet": "ISO_IR 192"}
                for number in range(1, 4):
                    data = ct(number, series=uid, study=f"1.9.{index}", patient=patient, size=4, **attributes)
                    archive.store(io.BytesIO(data))
        yield archive


def found(archive: Archive, level: Level, *pairs: str, keyword: str = "PatientID") -> list[str]:
    return [match.values[keyword] for match in archive.find(Query.from_pairs(level, pairs))]


def test_names_are_found_whatever_their_case(archive: Archive) -> None:
    assert found(archive, Level.PATIENT, "PatientName=doe*") == ["P1", "P2"]
    assert found(archive, Level.PATIENT, "PatientName=DOE^JANE") == ["P2"]
    assert found(archive, Level.PATIENT, "PatientName=müller^?va") == ["P3"]
    assert found(archive, Level.PATIENT, "PatientName=MÜLLER*") == ["P3"]


def test_other_texts_are_found_in_their_case(archive: Archive) -> None:
    assert found(archive, Level.PATIENT, "PatientID=p1") == []
    assert found(archive, Level.PATIENT, "PatientID=P[1]") == []
    assert found(archive, Level.PATIENT, "PatientID=?1") == ["P1"]


def test_ranges(archive: Archive) -> None:
    assert found(archive, Level.STUDY, "StudyDate=20240101-20241231") == ["P1", "P2"]
    assert found(archive, Level.STUDY, "StudyDate=20240602-") == ["P2", "P3"]
    assert found(archive, Level.STUDY, "StudyTime=-1100") == ["P1"]
    assert found(archive, Level.STUDY, "StudyTime=1130") == ["P2"]


def test_levels_and_counts(archive: Archive) -> None:
    assert len(found(archive, Level.IMAGE)) == 18
    assert len(found(archive, Level.SERIES, "Modality=MR")) == 3
    assert found(archive, Level.STUDY, "ModalitiesInStudy=MR", "PatientID=P1") == ["P1"]
    assert found(archive, Level.STUDY, "ModalitiesInStudy=US") == []
    assert found(archive, Level.STUDY, keyword="ModalitiesInStudy") == ["CT\\MR"] * 3
    assert found(archive, Level.STUDY, keyword="NumberOfStudyRelatedInstances") == ["6"] * 3
    assert found(archive, Level.STUDY, "NumberOfStudyRelatedSeries=2", "PatientID=P2") == ["P2"]
    assert found(archive, Level.STUDY, "SOPClassesInStudy=1.2.840.10008.5.1.4.1.1.2") == ["P1", "P2", "P3"]


def test_lists_of_uids(archive: Archive) -> None:
    assert found(archive, Level.STUDY, "StudyInstanceUID=1.9.0\\1.9.2\\1.9.7") == ["P1", "P3"]


def test_limit_and_offset_page_through_everything_once(archive: Archive) -> None:
    everything = found(archive, Level.IMAGE, keyword="SOPInstanceUID")
    paged = []
    for offset in range(0, 20, 5):
        query = Query(Level.IMAGE, (), limit=5, offset=offset)
        paged += [match.values["SOPInstanceUID"] for match in archive.find(query)]
    assert paged == everything


def test_pages_by_key_are_complete(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medarchive.archive.search._PAGE", 4)
    assert len(set(found(archive, Level.IMAGE, keyword="SOPInstanceUID"))) == 18

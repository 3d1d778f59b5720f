import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.dicom.query import Level, Query
from medarchive.errors import Conflict, LimitExceeded, Mismatch, MissingIdentity, NotDicom, NotFound
from medarchive.settings import Settings

CT_CLASS = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(archive=tmp_path / "archive", effort=1, grace=0, undelete=0, workers=2)


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    with Archive.open(settings) as archive:
        yield archive


def store(archive: Archive, data: bytes) -> str:
    return archive.store(io.BytesIO(data)).uid


def test_gives_back_the_file_before_and_after_compression(archive: Archive) -> None:
    data = ct()
    stored = archive.store(io.BytesIO(data), source="CT1")
    assert (stored.outcome, stored.size, stored.sha256) == ("stored", len(data), hashlib.sha256(data).hexdigest())
    assert archive.load(stored.uid).read() == data
    assert archive.instance(stored.uid).state == "received"
    (result,) = archive.compress()
    assert result.error == ""
    record = archive.instance(stored.uid)
    assert (record.state, record.form, record.source) == ("alone", "split", "CT1"), "its series may still grow"
    assert record.stored_bytes == result.bytes_kept < len(data)
    assert archive.load(stored.uid).read() == data


def test_a_frame_is_read_without_the_file(archive: Archive) -> None:
    uid = store(archive, ct())
    before = archive.frame(uid)
    list(archive.compress())
    assert archive.frame(uid) == before
    assert before.pixels.shape == (1, 32, 32, 1)
    assert int(before.pixels[0, 0, 0, 0]) >= 1000
    with pytest.raises(NotFound):
        archive.frame(uid, 1)


def test_the_old_blob_goes_after_the_swap_and_only_then(archive: Archive) -> None:
    uid = store(archive, ct())
    raw = archive.instance(uid).blob
    assert archive.collect().blobs == 0
    list(archive.compress())
    assert raw in archive.blobs
    assert archive.collect().blobs == 1
    assert raw not in archive.blobs
    assert archive.load(uid).read() == ct()


def test_the_same_object_again_is_a_duplicate(archive: Archive) -> None:
    store(archive, ct())
    assert archive.store(io.BytesIO(ct())).outcome == "duplicate"
    list(archive.compress())
    assert archive.store(io.BytesIO(ct())).outcome == "duplicate"
    assert archive.stats().instances == 1


def test_another_preamble_makes_no_other_object(archive: Archive) -> None:
    uid = store(archive, ct())
    assert archive.store(io.BytesIO(b"II*\0" + ct()[4:])).outcome == "duplicate"
    assert archive.load(uid).read() == ct()


def test_other_bytes_under_the_same_uid_are_a_conflict_and_the_first_stays(archive: Archive) -> None:
    uid = store(archive, ct(1))
    with pytest.raises(Conflict, match=uid):
        archive.store(io.BytesIO(ct(1, PatientName="Other^Person")))
    assert archive.load(uid).read() == ct(1)


def test_refusals_name_the_reason_and_store_nothing(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(NotDicom):
        archive.store(io.BytesIO(b"a letter"))
    with pytest.raises(NotDicom):
        archive.store(io.BytesIO(b""))
    with pytest.raises(MissingIdentity, match=r"0008,0018"):
        archive.store(io.BytesIO(ct().replace(b"\x08\x00\x18\x00UI", b"\x08\x00\x17\x00UI")))
    with pytest.raises(Mismatch, match=r"9\.9\.9"):
        archive.store(io.BytesIO(ct()), expect=(CT_CLASS, "9.9.9"))
    small = replace(archive.settings, archive=tmp_path / "small", max_object_bytes=1024)
    with Archive.open(small) as other, pytest.raises(LimitExceeded, match="max_object_bytes"):
        other.store(io.BytesIO(ct()))
    assert archive.stats().instances == 0
    assert list(archive.blobs) == []


def test_deleted_instances_are_out_of_sight_until_they_are_brought_back(settings: Settings) -> None:
    with Archive.open(replace(settings, undelete=1000)) as archive:
        uid = store(archive, ct())
        list(archive.compress())
        archive.delete(uid)
        with pytest.raises(NotFound):
            archive.load(uid)
        assert list(archive.find(Query.from_pairs(Level.STUDY, []))) == []
        assert archive.stats().studies == 0
        archive.collect()
        archive.undelete(uid)
        assert archive.load(uid).read() == ct()
        assert archive.stats().studies == 1
        assert list(archive.check(read_data=True)) == []


def test_purged_instances_leave_nothing(archive: Archive) -> None:
    uid = store(archive, ct())
    list(archive.compress())
    archive.delete(uid)
    assert archive.collect().purged == 1
    assert list(archive.blobs) == []
    with pytest.raises(NotFound):
        archive.undelete(uid)
    assert list(archive.check(read_data=True)) == []


def test_an_object_deleted_while_it_waits_is_not_compressed(archive: Archive) -> None:
    uid = store(archive, ct())
    archive.delete(uid)
    assert list(archive.compress()) == []
    assert archive.waiting() == 0


def test_a_deleted_object_can_be_stored_again(archive: Archive) -> None:
    uid = store(archive, ct(1))
    archive.delete(uid)
    assert archive.store(io.BytesIO(ct(1, PatientName="Other^Person"))).outcome == "stored"
    with pytest.raises(Conflict):
        archive.undelete(uid)


def test_counts_follow(archive: Archive) -> None:
    for number in range(1, 4):
        store(archive, ct(number))
    store(archive, ct(1, series="1.2.3.1.2"))
    store(archive, ct(1, study="1.2.3.2", series="1.2.3.2.1"))
    store(archive, ct(1, study="1.2.3.3", series="1.2.3.3.1", patient="P2"))
    totals = archive.stats()
    assert (totals.patients, totals.studies, totals.series, totals.instances) == (2, 3, 4, 6)
    archive.delete("1.2.3.1.2.1")
    totals = archive.stats()
    assert (totals.patients, totals.studies, totals.series, totals.instances) == (2, 3, 3, 5)
    (match,) = archive.find(Query.from_pairs(Level.STUDY, ["StudyInstanceUID=1.2.3.1"]))
    assert match.values["NumberOfStudyRelatedSeries"] == "1"
    assert match.values["NumberOfStudyRelatedInstances"] == "3"
    assert list(archive.check()) == []


def test_stats_say_what_is_saved(archive: Archive) -> None:
    for number in range(1, 4):
        store(archive, ct(number, size=64))
    assert [group.codec for group in archive.stats().groups] == ["waiting"]
    list(archive.compress())
    stats = archive.stats()
    assert stats.bytes_in == sum(len(ct(number, size=64)) for number in range(1, 4))
    assert stats.bytes_kept < stats.bytes_in / 1.5
    assert (stats.jobs_waiting, stats.jobs_failed) == (1, 0), "the series waits to go quiet"


def test_objects_without_study_or_patient_are_kept_apart(archive: Archive) -> None:
    for number in (1, 2):
        store(archive, ct(number, uid=f"9.{number}", study="", series="", patient=""))
    assert archive.stats().studies == 2
    assert archive.load("9.2").read() == ct(2, uid="9.2", study="", series="", patient="")


def test_two_archives_objects_open_at_once_see_each_other(archive: Archive, settings: Settings) -> None:
    with Archive.open(settings) as other:
        uid = store(other, ct())
        assert archive.load(uid).read() == ct()
        list(archive.compress())
        other.collect()
        assert other.load(uid).read() == ct()


def test_large_objects_pass_through_a_file(settings: Settings) -> None:
    data = ct(size=512)
    with Archive.open(replace(settings, max_memory_bytes=1 << 16)) as archive:
        uid = store(archive, data)
        list(archive.compress())
        with archive.load(uid) as stream:
            assert not isinstance(stream, io.BytesIO)
            assert stream.read() == data
        assert list(archive.incoming().iterdir()) == []


@pytest.mark.parametrize("codec", ["jpegxl", "zstd-planes"])
def test_the_codec_of_the_settings_is_used(settings: Settings, codec: str) -> None:
    with Archive.open(replace(settings, codecs=(codec, "zstd-planes"))) as archive:
        uid = store(archive, ct(size=128))
        list(archive.compress())
        assert archive.instance(uid).codec == codec
        assert archive.load(uid).read() == ct(size=128)

"""Images are read behind the acknowledgement: what is recorded, what is not read, what comes again, what goes."""

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate

from contracts.objects import ct, part10
from contracts.pictured import SERIES, STUDY, push, shaded, slices, work
from contracts.policies import NEAR, apply, referring
from contracts.readers import BRAIN, VERSION, BrightnessReader
from medarchive.archive import courtesy, jobs
from medarchive.archive.archive import Archive
from medarchive.archive.findings import Finding
from medarchive.archive.reads import Reads
from medarchive.dicom.query import Level, Query
from medarchive.errors import BadCorrection, BadQuery, NotFound
from medarchive.settings import Settings

TUMOUR = (0.1, 0.3, 0.9, 0.3)
"""Of one series: the third slice carries the finding."""


def settings(path: Path, **values: Any) -> Settings:
    given = {"codecs": ("zstd-planes",), "effort": 1, "workers": 2, "quiet": 0, "grace": 0, "insight": True}
    return Settings(archive=path / "archive").changed(**(given | {"insight_reports": False} | values))


@pytest.fixture
def reader() -> BrightnessReader:
    return BrightnessReader()


@pytest.fixture
def archive(tmp_path: Path, reader: BrightnessReader) -> Iterator[Archive]:
    with Archive.open(settings(tmp_path), reader=lambda: reader) as archive:
        yield archive


def kinds(archive: Archive) -> list[str]:
    return [job.kind for job in archive.jobs()]


def newest(archive: Archive, uid: str = SERIES) -> Finding:
    (found,) = [each for each in archive.findings(uid) if each.pooled and each.superseded_at is None]
    return found


def found(archive: Archive, level: Level, *pairs: str) -> list[str]:
    name = {Level.PATIENT: "PatientID", Level.STUDY: "StudyInstanceUID", Level.SERIES: "SeriesInstanceUID"}
    query = Query.from_pairs(level, pairs)
    return [match.values[name.get(level, "SOPInstanceUID")] for match in archive.find(query)]


def test_a_series_is_read_once_and_recorded(archive: Archive, reader: BrightnessReader) -> None:
    push(archive, slices(*TUMOUR))
    assert kinds(archive).count("read") == 1
    assert reader.asked == []
    work(archive)
    assert kinds(archive) == []
    assert reader.asked == [4]
    assert reader.evidence[0].modality == "CT"
    pooled = newest(archive)
    assert (pooled.anatomy, pooled.finding, pooled.task) == ("brain", "glioma", "brain")
    assert (pooled.uid, pooled.frame, pooled.version) == (f"{SERIES}.3", 0, VERSION)
    assert (pooled.model, pooled.model_sha256) == (BRAIN.name, BRAIN.sha256)
    assert pooled.probabilities["tumour"] == pytest.approx(0.9, abs=0.01)
    assert max(pooled.probabilities) == "tumour" or "glioma" in pooled.probabilities
    images = {each.uid: each for each in archive.findings(STUDY, images=True) if not each.pooled}
    assert [images[uid].anatomy for uid in slices(*TUMOUR)] == ["other", "lung", "brain", "lung"]
    assert images[f"{SERIES}.1"].probabilities == {}
    assert [each.pooled for each in archive.findings(f"{SERIES}.2")] == [True, False]
    assert archive.findings("P1") == [pooled] == archive.findings(STUDY)
    assert list(archive.check(read_data=True)) == []


def test_slices_are_taken_evenly_in_the_order_of_the_body(tmp_path: Path, reader: BrightnessReader) -> None:
    objects = slices(*([0.3] * 9))
    with Archive.open(settings(tmp_path, insight_slices=3), reader=lambda: reader) as archive:
        push(archive, dict(sorted(objects.items(), key=lambda each: each[0][::-1], reverse=True)))
        work(archive)
        read = [each.uid for each in archive.findings(SERIES, images=True) if not each.pooled]
    assert read == [f"{SERIES}.{number}" for number in (2, 5, 8)]


def test_frames_count_as_slices(tmp_path: Path, reader: BrightnessReader) -> None:
    frames = np.stack([np.full((32, 32), 256 * n) + np.arange(32) for n in range(16)]).astype("<u2")
    data = ct(1, series=SERIES, NumberOfFrames=16, PixelData=frames.tobytes(), WindowCenter=2048, WindowWidth=4096)
    with Archive.open(settings(tmp_path, insight_slices=4), reader=lambda: reader) as archive:
        push(archive, {"": data})
        work(archive)
        assert [each.frame for each in archive.findings(SERIES, images=True) if not each.pooled] == [2, 6, 10, 14]
        assert (newest(archive).uid, newest(archive).frame) == (f"{SERIES}.1", 14)
        assert reader.asked == [4]


def test_off_with_one_setting_and_without_a_reader_it_waits(tmp_path: Path, reader: BrightnessReader) -> None:
    with Archive.open(settings(tmp_path, insight=False), reader=lambda: reader) as archive:
        push(archive, slices(*TUMOUR))
        assert "read" not in kinds(archive)
    with Archive.open(settings(tmp_path)) as archive:
        push(archive, slices(0.3, series="1.2.3.1.61"))
        work(archive)
        assert kinds(archive) == ["read"]
        (job,) = archive.jobs()
        assert (job.state, job.attempts) == ("waiting", 0)


def test_a_reader_that_cannot_be_opened_fails_no_job(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> BrightnessReader:
        raise ImportError("no onnxruntime; pip install 'medarchive[insight]'")

    with Archive.open(settings(tmp_path), reader=broken) as archive:
        push(archive, slices(0.3))
        work(archive)
        (job,) = archive.jobs()
        assert (job.kind, job.state, job.attempts) == ("read", "waiting", 0)
        assert caplog.text.count("pip install 'medarchive[insight]'") == 1


def test_only_images_are_queued(archive: Archive) -> None:
    for number, (sop_class, modality) in enumerate(
        (
            ("1.2.840.10008.5.1.4.1.1.88.34", "SR"),
            ("1.2.840.10008.5.1.4.1.1.11.1", "PR"),
            ("1.2.840.10008.5.1.4.1.1.88.59", "KO"),
            ("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"),
            ("1.2.840.10008.5.1.4.1.1.481.2", "RTDOSE"),
            ("1.2.840.10008.5.1.4.1.1.66.4", "SEG"),
            ("1.2.840.10008.5.1.4.1.1.104.1", "DOC"),
            ("1.2.840.10008.5.1.4.1.1.4.2", "MR"),
            ("1.2.840.10008.5.1.4.1.1.9.1.1", "ECG"),
        )
    ):
        archive.store(io.BytesIO(referring("1.2.9", sop_class=sop_class, modality=modality, own=f"1.2.8.{number}")))
    ours: dict[str, Any] = {"Manufacturer": "medarchive", "ManufacturerModelName": "medarchive insight"}
    archive.store(io.BytesIO(shaded(0.9, **ours)))
    assert "read" not in kinds(archive)
    work(archive)
    assert archive.findings(STUDY) == []


def _without_pixels() -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(shaded(0.9)))
    del dataset.PixelData
    return part10(dataset)


def _floating() -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(shaded(0.9)))
    del dataset.PixelData
    dataset.add_new(0x7FE00008, "OF", bytes(4 * 32 * 32))
    return part10(dataset)


def _corrupt() -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(shaded(0.9)))
    dataset.PixelData = encapsulate([b"\xff\xd8\xff\xe0 this breaks off"])
    dataset["PixelData"].VR = "OB"
    return part10(dataset, "1.2.840.10008.1.2.4.70")


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "no image": (_without_pixels, "no pixel data"),
    "1 x 1": (lambda: shaded(0.9, size=1), "too few"),
    "constant": (lambda: ct(1, series=SERIES, PixelData=bytes(2 * 32 * 32)), "one grey"),
    "corrupt": (_corrupt, "decode"),
    "too large": (lambda: ct(1, series=SERIES, Rows=60000, Columns=60000), ""),
    "floating point": (_floating, ""),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_read_says_why_and_stops_nothing(archive: Archive, what: str) -> None:
    make, reason = BAD[what]
    push(archive, {"bad": make()} | slices(0.9, series="1.2.3.1.61"))
    work(archive)
    bad = newest(archive)
    assert (bad.anatomy, bad.finding, bad.probabilities, bad.abstained) == ("", "", {}, False)
    assert bad.reason
    assert reason in bad.reason
    assert newest(archive, "1.2.3.1.61").finding == "glioma"
    assert found(archive, Level.SERIES, "FINDING=*") == ["1.2.3.1.61"]
    assert kinds(archive) == []


def test_colour_and_palettes_pass(archive: Archive) -> None:
    rgb = np.random.default_rng(1).integers(0, 255, (32, 32, 3)).astype("u1")
    colour: dict[str, Any] = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    colour |= {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelData": rgb.tobytes()}
    push(archive, {"": ct(1, series=SERIES, **colour)})
    work(archive)
    assert newest(archive).version == VERSION


def test_one_bad_slice_costs_itself(archive: Archive) -> None:
    good = slices(*TUMOUR)
    push(archive, good | {"bad": _corrupt().replace(f"{SERIES}.1".encode(), f"{SERIES}.9".encode())})
    work(archive)
    images = {each.uid: each for each in archive.findings(SERIES, images=True) if not each.pooled}
    assert (images[f"{SERIES}.9"].anatomy, images[f"{SERIES}.9"].finding) == ("", "")
    assert images[f"{SERIES}.9"].reason
    assert (newest(archive).finding, newest(archive).uid) == ("glioma", f"{SERIES}.3")


def test_late_images_queue_their_series_again_and_history_stays(archive: Archive, reader: BrightnessReader) -> None:
    push(archive, slices(0.3, 0.3))
    work(archive)
    first = newest(archive)
    push(archive, slices(0.3, 0.3, 0.95))
    assert kinds(archive).count("read") == 1
    work(archive)
    old, new = archive.findings(SERIES)
    assert (old.id, old.finding, new.finding, new.uid) == (first.id, "normal", "glioma", f"{SERIES}.3")
    assert old.superseded_at is not None
    assert new.superseded_at is None
    assert reader.asked == [2, 3]


def test_an_image_that_comes_while_its_series_is_read_is_read_too(
    archive: Archive, reader: BrightnessReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(archive, slices(0.3))
    read = reader.read
    late = iter([shaded(0.95, 2)])

    def slow(*arguments: Any) -> Any:
        for data in late:
            archive.store(io.BytesIO(data))
        return read(*arguments)

    monkeypatch.setattr(reader, "read", slow)
    work(archive)
    assert reader.asked == [1, 2]
    assert newest(archive).finding == "glioma"


def test_read_again_the_same_leaves_the_same(archive: Archive) -> None:
    push(archive, slices(*TUMOUR))
    work(archive)
    before = archive.findings(SERIES, images=True)
    assert [name for name, _ in archive.classify(STUDY)] == [SERIES]
    assert archive.findings(SERIES, images=True) == before


def test_looking_records_nothing_unless_it_is_a_series_that_shall_be_recorded(archive: Archive) -> None:
    push(archive, slices(*TUMOUR))
    for uid, options in (
        (SERIES, {}),
        (SERIES, {"asked": "lung", "record": True}),
        (f"{SERIES}.3", {"record": True}),
    ):
        look = archive.look(uid, **options)
        assert not look.recorded
        assert archive.findings(SERIES) == []
        assert look.view is not None
    look = archive.look(SERIES, record=True)
    assert (look.recorded, look.uid, look.frame, look.reading.pooled.finding) == (True, f"{SERIES}.3", 0, "glioma")
    assert look.view is not None
    assert look.view.shown().mean() == pytest.approx(0.9, abs=0.01)
    assert newest(archive).finding == "glioma"
    with pytest.raises(NotFound, match="no image and no series"):
        archive.look(STUDY)


def test_broken_off_anywhere_it_is_done_when_done_again(
    tmp_path: Path, reader: BrightnessReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies behind the reading, behind the record, before the end; another takes the job over."""

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with Archive.open(settings(tmp_path, lease=1, workers=1), reader=lambda: reader) as archive:
        push(archive, slices(*TUMOUR))
        for target, name in ((BrightnessReader, "read"), (Reads, "_end"), (Reads, "series")):
            with monkeypatch.context() as patch:
                patch.setattr(target, name, die)
                with pytest.raises(Killed):
                    list(archive.compress(wait_for_all=True, kinds=("read",)))
            (job,) = [job for job in archive.jobs() if job.kind == "read"]
            assert job.state == "leased"
            archive.catalog.write(lambda change: change.execute("UPDATE job SET lease_until = 0"))
        work(archive)
        assert kinds(archive) == []
        assert len(archive.findings(SERIES, images=True)) == 5
        assert newest(archive).finding == "glioma"


def test_ingest_does_not_wait_for_reading_and_reading_waits_for_ingest(
    archive: Archive, reader: BrightnessReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storing asks the reader nothing; a ``read`` job comes after every other, and looks for pushes at each image."""
    push(archive, slices(*TUMOUR))
    assert reader.asked == []
    order = [job.kind for job in sorted(archive.jobs(), key=lambda job: job.id)]
    assert order.count("compress") == 4
    leased: list[str] = []
    for _ in order:
        job = jobs.lease(archive.catalog, "w", 60, 5)
        assert job is not None
        leased.append(job.kind)
    assert leased[-1] == "read"
    archive.catalog.write(lambda change: change.execute("UPDATE job SET state = 'waiting'"))
    waits: list[int] = []
    monkeypatch.setattr(courtesy.Courtesy, "wait", lambda self, stop: waits.append(len(reader.asked)))
    list(archive.compress(courteous=True, kinds=("read",)))
    assert reader.asked == [4]
    assert waits.count(0) >= 5, "before the job, and before each of its images"


def test_two_series_are_not_read_at_once(
    archive: Archive, reader: BrightnessReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once: list[int] = []
    running = threading.Semaphore(1)
    read = reader.read

    def alone(*arguments: Any) -> Any:
        at_once.append(running.acquire(blocking=False))
        result = read(*arguments)
        running.release()
        return result

    monkeypatch.setattr(reader, "read", alone)
    for number in range(4):
        push(archive, slices(0.3, series=f"1.2.3.1.7{number}"))
    work(archive)
    assert at_once == [True] * 4


def test_a_new_model_reads_what_an_older_one_read(tmp_path: Path) -> None:
    def opened(version: str) -> Archive:
        return Archive.open(settings(tmp_path), reader=lambda: BrightnessReader(version))

    with opened(VERSION) as archive:
        push(archive, slices(*TUMOUR))
        work(archive)
        assert archive.stale() == []
    with Archive.open(settings(tmp_path, insight=False)) as archive:
        push(archive, slices(0.3, series="1.2.3.1.61"))
        archive.store(io.BytesIO(referring(f"{SERIES}.1", own="1.2.8.1")))
        with pytest.raises(NotFound, match="no reader"):
            archive.stale()
    with opened("f" * 16) as archive:
        stale = archive.stale()
        assert [(each.series_uid, each.version) for each in stale] == [(SERIES, VERSION), ("1.2.3.1.61", "")]
        assert (archive.queue_reads(stale), archive.queue_reads(stale)) == (2, 0)
        work(archive)
        assert archive.stale() == []
        assert [(each.version, each.superseded_at is None) for each in archive.findings(SERIES)] == [
            (VERSION, False),
            ("f" * 16, True),
        ]
        assert archive.catalog.read("SELECT DISTINCT version FROM embedding")[0]["version"] == "f" * 16


def test_findings_are_found_at_every_level(archive: Archive) -> None:
    push(archive, slices(*TUMOUR) | slices(0.3, 0.3, series="1.2.3.1.61") | slices(0.55, series="1.2.3.1.62"))
    push(archive, slices(0.7, series="1.2.4.1.1", study="1.2.4.1", patient="P2"))
    work(archive)
    assert found(archive, Level.SERIES, "FINDING=tumour", "PROBABILITY=0.8-") == [SERIES]
    assert found(archive, Level.SERIES, "finding=tumour") == [SERIES, "1.2.4.1.1"]
    assert found(archive, Level.SERIES, "FINDING=tumour", "PROBABILITY=0.6-0.8") == ["1.2.4.1.1"]
    assert found(archive, Level.SERIES, "FINDING=malignant", "PROBABILITY=-0.2") == ["1.2.3.1.61"]
    assert found(archive, Level.SERIES, "FINDING=*") == [SERIES, "1.2.3.1.61", "1.2.4.1.1"]
    assert found(archive, Level.STUDY, "FINDING=tumour", "PatientID=P2") == ["1.2.4.1"]
    assert found(archive, Level.PATIENT, "FINDING=tumour") == ["P1", "P2"]
    assert found(archive, Level.PATIENT, "FINDING=normal") == ["P1"]
    assert found(archive, Level.IMAGE, "FINDING=tumour", "Modality=CT", "PatientID=P1") == [f"{SERIES}.3"]
    assert found(archive, Level.SERIES, "FINDING=", "PatientID=P2") == ["1.2.4.1.1"]
    archive.delete("1.2.4.1.1.1")
    assert found(archive, Level.PATIENT, "FINDING=tumour") == ["P1"]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("FINDING=tumor", "did you mean tumour"),
        ("FINDING=headache", "there are"),
        ("FINDING=tum*", "expected one label"),
        ("PROBABILITY=0.8", "expected a range"),
        ("PROBABILITY=0.9-0.8", "expected a range"),
        ("PROBABILITY=80-", "expected a range"),
        ("PROBABILITY=-", "expected a range"),
        ("PROBABILITY=.-1", "expected a range"),
        ("PROBABILITY=likely", "expected a range"),
    ],
)
def test_what_is_no_finding_and_no_probability(archive: Archive, pair: str, message: str) -> None:
    with pytest.raises(BadQuery, match=message):
        found(archive, Level.SERIES, pair)


def test_corrections_stand_beside_and_are_exported(archive: Archive) -> None:
    push(archive, slices(*TUMOUR) | slices(0.7, series="1.2.3.1.61"))
    work(archive)
    wrong, right = newest(archive), newest(archive, "1.2.3.1.61")
    archive.correct(right.id, "confirmed", by="Dr. A")
    archive.correct(wrong.id, "rejected", by=" Dr. B ", label="meningioma", note="by histology")
    assert found(archive, Level.SERIES, "FINDING=tumour") == ["1.2.3.1.61"]
    assert found(archive, Level.IMAGE, "FINDING=tumour") == ["1.2.3.1.61.1"]
    after = newest(archive)
    assert replace(after, corrections=()) == wrong
    assert [(each.verdict, each.label, each.by, each.note) for each in after.corrections] == [
        ("rejected", "meningioma", "Dr. B", "by histology")
    ]
    assert [(reading.uid, said.verdict, said.label) for reading, said in archive.corrections()] == [
        ("1.2.3.1.61.1", "confirmed", "glioma"),
        (f"{SERIES}.3", "rejected", "meningioma"),
    ]
    archive.correct(wrong.id, "confirmed", by="Dr. C")
    assert found(archive, Level.SERIES, "FINDING=tumour") == [SERIES, "1.2.3.1.61"]
    with pytest.raises(NotFound):
        archive.correct(999, "confirmed", by="Dr. A")
    for arguments in ({"verdict": "perhaps", "by": "A"}, {"verdict": "rejected", "by": " "}):
        with pytest.raises(BadCorrection):
            archive.correct(wrong.id, **arguments)  # type: ignore[arg-type]
    with pytest.raises(BadCorrection, match="reject it"):
        archive.correct(wrong.id, "confirmed", by="A", label="pituitary")


def rows(archive: Archive) -> dict[str, int]:
    tables = ("reading", "label", "embedding", "correction")
    return {name: archive.catalog.read(f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in tables}


def test_what_was_read_goes_with_the_instances(tmp_path: Path, reader: BrightnessReader) -> None:
    with Archive.open(settings(tmp_path, undelete=0), reader=lambda: reader) as archive:
        push(archive, slices(*TUMOUR))
        work(archive)
        archive.correct(newest(archive).id, "confirmed", by="A")
        assert rows(archive) == {"reading": 5, "label": 5 + 5 + 3 + 3, "embedding": 4, "correction": 1}
        archive.delete(f"{SERIES}.3")
        assert newest(archive).uid == "", "what carries the finding is out of sight"
        assert {each.uid for each in archive.similar(f"{SERIES}.2")} == {f"{SERIES}.4", f"{SERIES}.1"}
        assert archive.collect().purged == 1
        work(archive)
        assert rows(archive)["embedding"] == 3
        for number in (1, 2, 4):
            archive.delete(f"{SERIES}.{number}")
        with pytest.raises(NotFound):
            archive.findings(SERIES)
        assert list(archive.corrections()) == []
        archive.undelete(f"{SERIES}.1")
        assert len(archive.findings(SERIES)) == 1
        archive.delete(f"{SERIES}.1")
        archive.collect()
        assert set(rows(archive).values()) == {0}
        assert list(archive.check(read_data=True)) == []


def test_compressing_again_and_undoing_it_leaves_the_findings(archive: Archive) -> None:
    push(archive, slices(*TUMOUR))
    work(archive)
    before = archive.findings(SERIES, images=True)
    recompression = archive.recompression(codecs=("jpegxl", "zstd-planes"), effort=3)
    recompression.queue(archive.instance(f"{SERIES}.1").series)
    work(archive)
    assert archive.undo(SERIES) > 0
    assert archive.findings(SERIES, images=True) == before
    assert list(archive.check(read_data=True)) == []


def test_similar_images_are_exact_and_each_comes_once(archive: Archive) -> None:
    push(archive, slices(*TUMOUR) | slices(0.3, series="1.2.4.1.1", study="1.2.4.1", patient="P2", Modality="MR"))
    work(archive)
    alike = archive.similar(f"{SERIES}.2", 3)
    assert len(alike) == 3
    assert f"{SERIES}.2" not in [each.uid for each in alike]
    assert [each.similarity for each in alike] == sorted((each.similarity for each in alike), reverse=True)
    assert {each.modality for each in archive.similar(f"{SERIES}.2", 9, same_modality=True)} == {"CT"}
    other = archive.similar(f"{SERIES}.2", 9, other_series=True)
    assert [(each.uid, each.patient_id, each.finding) for each in other] == [("1.2.4.1.1.1", "P2", "normal")]
    assert archive.similar(f"{SERIES}.2", wanted=lambda each: each.patient_id == "P9") == []
    vectors = {
        row["uid"]: np.frombuffer(row["vector"], "<f4")
        for row in archive.catalog.read(
            "SELECT SOPInstanceUID AS uid, vector FROM embedding JOIN instance ON instance.id = embedding.instance"
        )
    }
    own = vectors.pop(f"{SERIES}.2")
    best = sorted(vectors, key=lambda uid: -float(vectors[uid] @ own))
    assert [each.uid for each in archive.similar(f"{SERIES}.2")] == best
    push(archive, slices(0.31, series="1.2.3.1.63"))
    work(archive)
    assert "1.2.3.1.63.1" in [each.uid for each in archive.similar(f"{SERIES}.2")], "what came since is known"


def test_similar_to_what_was_not_read(tmp_path: Path, reader: BrightnessReader) -> None:
    with Archive.open(settings(tmp_path, insight_slices=1), reader=lambda: reader) as archive:
        push(archive, slices(0.3, 0.3, 0.3))
        work(archive)
        assert [each.uid for each in archive.similar(f"{SERIES}.1")] == [f"{SERIES}.2"]
    with Archive.open(settings(tmp_path)) as archive, pytest.raises(NotFound, match="was not read"):
        archive.similar(f"{SERIES}.1")


def test_an_image_with_a_finding_may_lose_something(tmp_path: Path, reader: BrightnessReader) -> None:
    """What this software says of an image by itself is no reason to keep its original."""
    pytest.importorskip("highdicom")
    policy = replace(NEAR, keep_original=True)
    given = replace(settings(tmp_path, insight_reports=True), policy=(policy,))
    with Archive.open(given, reader=lambda: reader) as archive:
        push(archive, slices(0.9, size=64, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"]))
        work(archive)
        assert newest(archive).report_uid
        assert apply(archive) == 1
        assert len(archive.derivations(f"{SERIES}.1")) == 1
        assert [job for job in archive.jobs() if job.kind == "read"] == []
        assert archive.stale() == [], "what was made here is not read"

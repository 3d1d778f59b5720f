"""Images pushed by C-STORE are read without anyone asking; the report is found and fetched like any other object."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # this file is a program too: the process that is killed

from contracts.pictured import SERIES, STUDY, push, slices, work
from contracts.readers import BRAIN, VERSION, BrightnessReader
from integration.test_node_dcmtk import digest_of_dataset, run
from medarchive.archive.archive import Archive
from medarchive.dicom.query import Level, Query
from medarchive.dicom_node.node import Node
from medarchive.insight.reading import SeriesReading
from medarchive.settings import Settings
from medarchive.view import Evidence, View

BRIGHTNESS = (0.1, 0.3, 0.9, 0.3)
SR, CAPTURE = "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.7"


def settings(root: Path) -> Settings:
    values = {"codecs": ("zstd-planes",), "effort": 1, "workers": 2, "quiet": 0, "grace": 0, "lease": 1}
    values |= {"port": 0, "any_peer": True, "network_timeout": 20, "insight": True, "insight_heat": True}
    return Settings(archive=root / "archive").changed(**values)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    pytest.importorskip("highdicom")
    with Archive.open(settings(tmp_path), reader=BrightnessReader) as archive:
        yield archive


@pytest.fixture
def node(archive: Archive) -> Iterator[Node]:
    with Node(archive) as node:
        yield node


def made(archive: Archive, sop_class: str) -> list[str]:
    query = Query.from_pairs(Level.IMAGE, [f"SOPClassUID={sop_class}"])
    return [match.values["SOPInstanceUID"] for match in archive.find(query)]


def fetched(node: Node, archive: Archive, uid: str, out: Path) -> Path:
    """A file of an instance that came by C-FIND and C-GET."""
    wanted = ("-k", "QueryRetrieveLevel=IMAGE", "-k", f"StudyInstanceUID={STUDY}", "-k", "SOPInstanceUID")
    assert uid in run(node, "findscu", "-S", *wanted)
    out.mkdir()
    record = archive.instance(uid)
    keys: tuple[str, ...] = ("-k", "QueryRetrieveLevel=IMAGE", "-k", f"SOPInstanceUID={uid}")
    keys += ("-k", f"StudyInstanceUID={record.study_uid}", "-k", f"SeriesInstanceUID={record.series_uid}")
    run(node, "getscu", "+B", "-S", "+xe", "-od", str(out), *keys)
    (file,) = out.iterdir()
    assert digest_of_dataset(file.read_bytes()) == record.dataset_sha256
    return file


def test_what_is_pushed_is_read_reported_found_and_fetched(node: Node, archive: Archive, tmp_path: Path) -> None:
    for uid, data in slices(*BRIGHTNESS).items():
        file = tmp_path / f"{uid}.dcm"
        file.write_bytes(data)
        run(node, "storescu", files=(file,))
    work(archive)
    (finding,) = archive.findings(SERIES)
    (report,) = made(archive, SR)
    assert (finding.finding, finding.report_uid) == ("glioma", report)
    file = fetched(node, archive, report, tmp_path / "sr")
    sr = pydicom.dcmread(file)
    (evidence,) = sr.CurrentRequestedProcedureEvidenceSequence
    (series,) = evidence.ReferencedSeriesSequence
    assert {each.ReferencedSOPInstanceUID for each in series.ReferencedSOPSequence} == set(slices(*BRIGHTNESS))
    assert (sr.StudyInstanceUID, sr.PatientID, sr.VerificationFlag) == (STUDY, "P1", "UNVERIFIED")
    assert sr.SeriesInstanceUID != SERIES
    assert BRAIN.sha256.encode() in file.read_bytes(), "the hash of the weights"
    (heat,) = made(archive, CAPTURE)
    capture = pydicom.dcmread(fetched(node, archive, heat, tmp_path / "heat"))
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == f"{SERIES}.3"
    assert np.ptp(capture.pixel_array) > 0
    assert {archive.instance(uid).source for uid in (report, heat)} == {"medarchive"}
    assert archive.waiting() == 0, "what was made here is not read"
    assert list(archive.check(read_data=True)) == []


def test_a_report_is_made_once_and_another_one_for_more_images(archive: Archive) -> None:
    push(archive, slices(*BRIGHTNESS))
    work(archive)
    (first,) = made(archive, SR)
    list(archive.classify(SERIES))
    assert made(archive, SR) == [first]
    push(archive, slices(*BRIGHTNESS, 0.95))
    work(archive)
    assert made(archive, SR)[0] == first
    old, new = archive.findings(SERIES)
    assert [old.report_uid, new.report_uid] == made(archive, SR)
    archive.delete(new.report_uid)
    list(archive.classify(SERIES))
    assert made(archive, SR) == [first], "what was deleted does not come again by itself"


def test_what_comes_back_from_another_archive_is_not_read(archive: Archive, tmp_path: Path) -> None:
    push(archive, slices(*BRIGHTNESS))
    work(archive)
    objects = {uid: archive.load(uid).read() for uid in [*made(archive, SR), *made(archive, CAPTURE)]}
    assert len(objects) == 2
    with Archive.open(settings(tmp_path / "other"), reader=BrightnessReader) as other:
        push(other, objects)
        work(other)
        assert other.waiting() == 0
        assert other.findings(STUDY) == []
        assert other.stale() == []


def test_killed_in_the_middle_of_reading_it_is_done_by_the_next(tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    with Archive.open(settings(tmp_path)) as archive:
        push(archive, slices(*BRIGHTNESS))
    child = subprocess.Popen([sys.executable, __file__, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "reading\n"
        child.send_signal(signal.SIGKILL)
    with Archive.open(settings(tmp_path), reader=BrightnessReader) as archive:
        assert archive.findings(SERIES) == []
        assert [(job.kind, job.state) for job in archive.jobs() if job.kind == "read"] == [("read", "leased")]
        deadline = time.monotonic() + 60
        while archive.waiting() and time.monotonic() < deadline:
            work(archive)
        (finding,) = archive.findings(SERIES)
        assert (finding.finding, finding.version) == ("glioma", VERSION)
        assert made(archive, SR) == [finding.report_uid]
        assert list(archive.check(read_data=True)) == []


class _Slow(BrightnessReader):
    def read(
        self,
        views: Sequence[View],
        evidence: Evidence = Evidence(),  # noqa: B008  # frozen
        asked: str = "",
    ) -> SeriesReading:
        print("reading", flush=True)
        time.sleep(600)
        return super().read(views, evidence, asked)


if __name__ == "__main__":
    with Archive.open(settings(Path(sys.argv[1])), reader=_Slow) as own:
        work(own)

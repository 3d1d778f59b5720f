"""What is mentioned is known from admission on; in archives of before, a job reads it, and until then nothing goes."""

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian
from sqlite_utils import Database

from contracts.objects import SHIPPED, part10
from contracts.our_reports import our_report
from contracts.policies import NEAR, SERIES, apply, fill, referring, settings_of, slices, work
from medarchive.archive.archive import Archive


def mentioned(archive: Archive) -> set[str]:
    return {row["uid"] for row in archive.catalog.read("SELECT uid FROM mention")}


def before_the_migration(archive: Archive) -> None:
    """Take away what the migration adds, as if the archive had been written before."""
    path = archive.settings.archive / "catalogue.sqlite"
    archive.close()
    database = Database(str(path))
    for sql in (
        "DROP TABLE mention",
        "DROP TABLE derivation",
        "DROP INDEX idx_instance_unread",
        "ALTER TABLE instance DROP COLUMN committed_at",
        "ALTER TABLE instance DROP COLUMN unread",
        "ALTER TABLE instance DROP COLUMN max_error",
        "DELETE FROM _sqlite_migrations WHERE name = 'm0004_policy'",
    ):
        database.execute(sql)
    database.conn.commit()
    database.close()


def test_they_are_recorded_when_the_object_is(tmp_path: Path) -> None:
    with Archive.open(settings_of(tmp_path)) as archive:
        archive.store(io.BytesIO(referring(f"{SERIES}.1", own="1.2.9")))
        assert mentioned(archive) == {f"{SERIES}.1"}
        archive.store(io.BytesIO(referring(f"{SERIES}.1", own="1.2.9")))
        assert mentioned(archive) == {f"{SERIES}.1"}


def test_those_of_a_deflated_object_too(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(io.BytesIO(referring(f"{SERIES}.1")))
    with Archive.open(settings_of(tmp_path)) as archive:
        archive.store(io.BytesIO(part10(dataset, DeflatedExplicitVRLittleEndian)))
        assert mentioned(archive) == {f"{SERIES}.1"}


def test_images_mention_nothing(tmp_path: Path) -> None:
    with Archive.open(settings_of(tmp_path)) as archive:
        fill(archive, [(SHIPPED / "CT_small.dcm").read_bytes(), *slices(1).values()])
        assert mentioned(archive) == set()


@pytest.mark.parametrize("hidden", [False, True])
def test_archives_of_before_are_read_first(tmp_path: Path, hidden: bool) -> None:
    settings = settings_of(tmp_path, NEAR)
    archive = Archive.open(settings)
    fill(archive, [*slices().values(), referring(f"{SERIES}.1", own="1.2.9")])
    if hidden:
        archive.delete("1.2.9")
    before_the_migration(archive)
    with Archive.open(settings) as archive:
        assert [job.kind for job in archive.jobs()] == ["refer"]
        (prospect,) = (each for each in archive.policy().all([SERIES]))
        assert prospect.refusals[0].reason == "what 1.2.9 refers to was not read yet; `medarchive jobs --run` does"
        assert apply(archive, run=False) == 0
        work(archive)
        assert mentioned(archive) == {f"{SERIES}.1"}
        (prospect,) = (each for each in archive.policy().all([SERIES]))
        assert prospect.refusals[0].reason == "KO 1.2.9 refers to it"
        assert list(archive.jobs()) == []


def test_a_report_of_our_own_forbids_nothing(tmp_path: Path) -> None:
    with Archive.open(settings_of(tmp_path, NEAR)) as archive:
        fill(archive, [*slices().values(), part10(our_report(f"{SERIES}.1", series=SERIES))])
        assert mentioned(archive) == set()
        (prospect,) = (each for each in archive.policy().all([SERIES]))
        assert prospect.refusals == ()
        assert apply(archive) == len(slices())


def test_one_that_somebody_verified_does(tmp_path: Path) -> None:
    verified = our_report(f"{SERIES}.1", series=SERIES)
    verified.VerificationFlag = "VERIFIED"
    with Archive.open(settings_of(tmp_path, NEAR)) as archive:
        fill(archive, [*slices().values(), part10(verified)])
        assert mentioned(archive) == {f"{SERIES}.1"}

"""The policy is applied to a real archive: derived instances beside their originals, which go, stay or come back."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from contracts.clock import stop_deriving_clock
from contracts.objects import ct
from contracts.policies import (
    KO,
    NEAR,
    PR,
    RTSTRUCT,
    SEG,
    SERIES,
    SR,
    apply,
    fill,
    referring,
    settings_of,
    slices,
    work,
)
from medarchive.archive.archive import Archive
from medarchive.archive.prospects import Prospect
from medarchive.dicom.query import Level, Query
from medarchive.errors import NotFound
from medarchive.policy import Rule

KEEP = replace(NEAR, keep_original=True)
LATER = replace(NEAR, grace_days=1)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """Three slices and a policy that lets CT originals go at once."""
    stop_deriving_clock(monkeypatch)
    with Archive.open(settings_of(tmp_path, NEAR)) as archive:
        fill(archive, slices())
        yield archive


def with_rules(archive: Archive, *rules: Rule) -> Archive:
    """The same archive under other rules."""
    return Archive.open(replace(archive.settings, policy=rules))


def found(archive: Archive, **keys: str) -> set[str]:
    query = Query.from_pairs(Level.IMAGE, [f"{name}={value}" for name, value in keys.items()])
    return {match.values["SOPInstanceUID"] for match in archive.find(query)}


def derived(archive: Archive) -> list[str]:
    """The UIDs of what was derived from the slices, in their order."""
    return [archive.derivations(uid)[0].derived_uid for uid in slices()]


def the(archive: Archive) -> Prospect:
    """What the policy means for the one series that it means something for."""
    return next(each for each in archive.policy().all([SERIES]))


def test_originals_go_and_what_was_derived_is_found_and_given_back(archive: Archive) -> None:
    assert apply(archive) == 3
    made = derived(archive)
    assert found(archive) == set(made)
    for (uid, original), new in zip(slices().items(), made, strict=True):
        with pytest.raises(NotFound):
            archive.instance(uid)
        file = archive.load(new).read()
        ds, old = pydicom.dcmread(io.BytesIO(file)), pydicom.dcmread(io.BytesIO(original))
        error = np.abs(ds.pixel_array.astype(int) - old.pixel_array.astype(int))
        assert 1 <= error.max() <= 2
        assert np.array_equal(archive.frame(new).pixels[0, :, :, 0], ds.pixel_array)
        assert archive.load(new).read() == file
        report = json.loads(archive.derivations(new)[0].report)
        assert (report["limit"], report["max_error"]) == (2, error.max())
    assert list(archive.check(read_data=True)) == []
    assert archive.stats().instances == 3
    assert archive.stats().deleted == 3


def test_it_takes_less_room_in_the_end(archive: Archive) -> None:
    archive.collect()
    before = archive.stats().bytes_stored
    expected = the(archive)
    assert (expected.outcome, expected.instances, expected.sampled) == ("derive", 3, 3)
    apply(archive)
    with Archive.open(replace(archive.settings, undelete=0)) as later:
        assert later.collect().purged == 3
        assert later.stats().bytes_stored == expected.bytes_derived
        assert before - later.stats().bytes_stored == expected.saved
        assert [each.source for each in later.derivations(derived(later)[0])] == [None]
        assert list(later.check(read_data=True)) == []


def test_again_makes_nothing_new(archive: Archive) -> None:
    with with_rules(archive, KEEP) as keeping:
        assert apply(keeping) == 3
        before = found(keeping)
        assert the(keeping).outcome == "done"
        assert apply(keeping) == 0
        assert found(keeping) == before
        assert len(before) == 6


def test_looking_changes_nothing(archive: Archive) -> None:
    before = sorted(path.name for path in (archive.settings.archive / "blobs").rglob("*"))
    rows = archive.catalog.read("SELECT (SELECT count(*) FROM job) + (SELECT count(*) FROM derivation) AS n")[0]["n"]
    assert the(archive).saved
    assert sorted(path.name for path in (archive.settings.archive / "blobs").rglob("*")) == before
    assert (
        rows
        == archive.catalog.read("SELECT (SELECT count(*) FROM job) + (SELECT count(*) FROM derivation) AS n")[0]["n"]
        == 0
    )


def test_the_derived_slices_are_a_series_of_their_own(archive: Archive) -> None:
    with with_rules(archive, KEEP) as keeping:
        apply(keeping)
        series = {keeping.instance(uid).series_uid for uid in derived(keeping)}
        assert len(series) == 1
        assert SERIES not in series
        assert found(keeping, SeriesInstanceUID=SERIES) == set(slices())
        study = {keeping.instance(uid).study_uid for uid in [*derived(keeping), *slices()]}
        assert study == {"1.2.3.1"}
        assert the(keeping).saved == -(the(keeping).bytes_derived or 0)


def test_what_does_not_have_its_final_form_waits(archive: Archive) -> None:
    archive.store(io.BytesIO(slices(4)[f"{SERIES}.4"]))
    assert (the(archive).outcome, the(archive).instances, the(archive).saved) == ("waits", 4, None)
    assert apply(archive) == 0
    assert apply(archive) == 4


def test_a_job_that_ends_early_leaves_no_trace(archive: Archive) -> None:
    assert apply(archive, run=False) == 3
    archive.store(io.BytesIO(referring(f"{SERIES}.1", own="1.2.9")))
    archive.delete(f"{SERIES}.3")
    work(archive)
    assert archive.derivations(f"{SERIES}.1") == []
    assert archive.derivations(f"{SERIES}.3") == []
    assert len(archive.derivations(f"{SERIES}.2")) == 1
    assert found(archive) >= {f"{SERIES}.1", f"{SERIES}.2", "1.2.9"}
    assert the(archive).outcome == "refused"


def test_what_shows_only_while_it_is_done_keeps_the_originals(tmp_path: Path) -> None:
    with Archive.open(settings_of(tmp_path, NEAR)) as archive:
        odd = slices(5, PixelPaddingValue=100)[f"{SERIES}.5"]
        fill(archive, slices(4, PixelPaddingValue=5000) | {f"{SERIES}.5": odd})
        assert the(archive).outcome == "derive", "the odd one is not in the sample"
        assert apply(archive) == 5
        assert set(slices(5)) < found(archive)
        assert [(each.outcome, each.reason) for each in archive.derivations(f"{SERIES}.5")] == [
            ("refused", "its padding (0028,0120) could no longer be told from its image")
        ]
        assert (the(archive).outcome, the(archive).refusals[0].uid) == ("refused", f"{SERIES}.5")
        assert apply(archive) == 0
        assert archive.recall(SERIES) == 4
        assert found(archive) == set(slices(5))


def test_no_rules_no_loss(archive: Archive) -> None:
    with with_rules(archive) as lossless:
        assert (the(lossless).outcome, the(lossless).rule) == ("lossless", 0)
        assert apply(lossless) == 0
        assert found(lossless) == set(slices())


def test_originals_stay_until_their_grace_has_passed(archive: Archive) -> None:
    with with_rules(archive, LATER) as patient:
        apply(patient)
        assert len(found(patient)) == 6
        assert [job.kind for job in patient.jobs()] == ["retire"]
        patient.catalog.write(lambda t: t.execute("UPDATE derivation SET created_at = created_at - 86400"))
        patient.catalog.write(lambda t: t.execute("UPDATE job SET run_after = 0"))
        work(patient)
        assert found(patient) == set(derived(patient))
        assert list(patient.jobs()) == []


def test_a_job_that_comes_too_early_waits(archive: Archive) -> None:
    with with_rules(archive, LATER) as patient:
        apply(patient)
        patient.catalog.write(lambda t: t.execute("UPDATE job SET run_after = 0"))
        work(patient)
        assert len(found(patient)) == 6
        assert [job.kind for job in patient.jobs()] == ["retire"]


def test_originals_come_back_one_by_one_or_all(archive: Archive) -> None:
    apply(archive)
    made = derived(archive)
    archive.undelete(f"{SERIES}.2")
    work(archive)
    assert apply(archive) == 0, "and it is not taken away again"
    assert found(archive) == {*made, f"{SERIES}.2"}
    assert archive.recall(SERIES) == 3
    assert found(archive) == set(slices())
    assert (the(archive).outcome, the(archive).saved) == ("undone", None)
    for uid, data in slices().items():
        assert archive.load(uid).read() == data
    assert apply(archive) == 0
    assert found(archive) == set(slices())
    with pytest.raises(NotFound):
        archive.recall("9.9")


def test_a_rule_that_is_gone_lets_no_original_go(archive: Archive) -> None:
    with with_rules(archive, LATER) as patient:
        apply(patient)
    with with_rules(archive) as lossless:
        lossless.catalog.write(lambda t: t.execute("UPDATE job SET run_after = 0"))
        work(lossless)
        assert len(found(lossless)) == 6
        assert list(lossless.jobs()) == []


@pytest.mark.parametrize(
    ("sop_class", "modality"), [(SR, "SR"), (KO, "KO"), (PR, "PR"), (SEG, "SEG"), (RTSTRUCT, "RTSTRUCT")]
)
def test_what_others_refer_to_stays_and_its_series_with_it(archive: Archive, sop_class: str, modality: str) -> None:
    fill(archive, [referring(f"{SERIES}.2", sop_class=sop_class, modality=modality)])
    assert the(archive).outcome == "refused"
    ((reason, count, uid),) = ((each.reason, each.instances, each.uid) for each in the(archive).refusals)
    assert (reason.startswith(f"{modality} "), "refers to it" in reason, count, uid) == (True, True, 1, f"{SERIES}.2")
    assert apply(archive) == 0
    assert set(slices()) < found(archive)


def test_a_reference_that_comes_in_between_keeps_the_originals(archive: Archive) -> None:
    with with_rules(archive, LATER) as patient:
        apply(patient)
        fill(patient, [referring(f"{SERIES}.1")])
    with with_rules(archive, NEAR) as now:
        now.catalog.write(lambda t: t.execute("UPDATE job SET run_after = 0"))
        work(now)
        assert set(slices()) < found(now)


def test_a_reference_that_comes_too_late_brings_the_original_back(archive: Archive) -> None:
    apply(archive)
    fill(archive, [referring(f"{SERIES}.1", own="1.2.9")])
    assert found(archive) == {*derived(archive), f"{SERIES}.1", "1.2.9"}
    assert archive.load(f"{SERIES}.1").read() == slices()[f"{SERIES}.1"]


def test_a_reference_goes_with_the_object_that_made_it(archive: Archive) -> None:
    fill(archive, [referring(f"{SERIES}.1", own="1.2.9")])
    archive.delete("1.2.9")
    assert the(archive).outcome == "refused", "it can come back"
    with Archive.open(replace(archive.settings, undelete=0)) as later:
        later.collect()
        assert the(later).outcome == "derive"


def test_what_the_archive_committed_itself_to_stays(archive: Archive) -> None:
    assert archive.commit([f"{SERIES}.3", "9.9"]) == ["9.9"]
    assert [each.reason for each in the(archive).refusals] == ["the archive has committed itself to keep it"]
    assert apply(archive) == 0
    assert found(archive) == set(slices())


def test_a_slice_that_comes_late_keeps_the_others_until_it_is_derived_too(archive: Archive) -> None:
    with with_rules(archive, LATER) as patient:
        apply(patient)
        late = {f"{SERIES}.4": slices(4)[f"{SERIES}.4"]}
        fill(patient, late)
    with with_rules(archive, NEAR) as now:
        now.catalog.write(lambda t: t.execute("UPDATE job SET run_after = 0"))
        work(now)
        assert set(slices(4)) < found(now), "the series stays whole"
        assert the(now).outcome == "under way"
        assert apply(now) == 1
        assert found(now) == {now.derivations(uid)[0].derived_uid for uid in slices(4)}


def test_what_saves_nothing_is_left(archive: Archive) -> None:
    flat = np.zeros((24, 24), "<u2").tobytes()
    fill(archive, [ct(1, series="1.7", size=24, PixelData=flat)])
    (prospect,) = archive.policy().all(["1.7"])
    assert prospect.outcome == "refused"
    assert "without loss" in prospect.refusals[0].reason


def test_a_derived_instance_that_is_gone_keeps_its_original(archive: Archive) -> None:
    with with_rules(archive, LATER) as patient:
        apply(patient)
        patient.delete(derived(patient)[1])
    with with_rules(archive, NEAR) as now:
        now.catalog.write(lambda t: t.execute("UPDATE job SET run_after = 0"))
        work(now)
        assert set(slices()) < found(now)

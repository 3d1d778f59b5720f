"""A rule may name a fidelity profile: what just reaches it is derived, and where nothing does, the series stays."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest

from contracts.clock import stop_deriving_clock
from contracts.policies import HU, apply, fill, scanned, settings_of
from medarchive.archive.archive import Archive
from medarchive.codecs.fidelity import Verdict
from medarchive.errors import SettingsError
from medarchive.policy import Rule

PROFILE = Rule("profile", modality=("CT",), profile="ct", keep_original=True)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    stop_deriving_clock(monkeypatch)
    with Archive.open(settings_of(tmp_path, PROFILE, codecs=("jpegxl", "zstd-planes"))) as archive:
        yield archive


def test_what_just_reaches_it_is_derived(archive: Archive) -> None:
    fill(archive, [scanned(**HU)])
    (prospect,) = archive.policy().all()
    assert (prospect.outcome, prospect.what) == ("derive", "profile ct")
    apply(archive)
    (link,) = archive.derivations("1.5.1")
    verdict = Verdict.unpacked(link.report.encode())
    assert (verdict.passed, verdict.profile) == (True, "ct")
    record = archive.instance(link.derived_uid)
    assert record.stored_bytes == prospect.bytes_derived
    assert record.stored_bytes < archive.instance("1.5.1").stored_bytes
    ds = pydicom.dcmread(io.BytesIO(archive.load(link.derived_uid).read()))
    assert ds.LossyImageCompressionMethod in ("MEDARCHIVE_LOSSY", "MEDARCHIVE_NEAR")
    assert "Lossy compression, profile ct" in ds.DerivationDescription
    assert list(archive.check(read_data=True)) == []


@pytest.mark.parametrize(
    ("rule", "attributes", "reason"),
    [
        (PROFILE, {}, "profile ct: nothing with loss reaches it"),
        (replace(PROFILE, profile="lossless"), HU, "profile lossless is not for modality CT"),
        (replace(PROFILE, profile="mr"), HU, "profile mr is not for modality CT"),
    ],
)
def test_where_nothing_does_the_series_stays(
    archive: Archive, rule: Rule, attributes: dict[str, Any], reason: str
) -> None:
    with Archive.open(replace(archive.settings, policy=(rule,))) as other:
        fill(other, [scanned(**attributes)])
        (prospect,) = other.policy().all()
        assert prospect.outcome == "refused"
        assert prospect.refusals[0].reason == reason
        assert apply(other) == 0


def test_a_profile_that_there_is_not_is_named(archive: Archive) -> None:
    with (
        Archive.open(replace(archive.settings, policy=(replace(PROFILE, profile="vague"),))) as other,
        pytest.raises(SettingsError, match="no fidelity profile 'vague'"),
    ):
        other.policy()


def test_the_report_of_near_lossless_is_json_too(archive: Archive) -> None:
    near = Rule("near-lossless", max_error=3, keep_original=True)
    with Archive.open(replace(archive.settings, policy=(near,))) as other:
        fill(other, [scanned()])
        apply(other)
        (link,) = other.derivations("1.5.1")
        assert json.loads(link.report) == {
            "limit": 3,
            "max_error": 3,
            "changed": json.loads(link.report)["changed"],
            "values": 128 * 128,
        }

"""Profiles: which one an image gets, and that every one is complete."""

import re
from pathlib import Path

import pytest

from medarchive.codecs.fidelity import PROFILES, profile, profile_for
from medarchive.codecs.fidelity.limits import Bound
from medarchive.codecs.fidelity.windows import OWN, WINDOWS
from medarchive.errors import SettingsError

PAGE = Path(__file__).parents[4] / "docs" / "fidelity.md"


@pytest.mark.parametrize(
    ("modality", "part", "name"),
    [
        ("CT", "HEAD", "ct-head"),
        ("CT", "brain ", "ct-head"),
        ("CT", "CHEST", "ct-chest"),
        ("CT", "Lung", "ct-chest"),
        ("CT", "ABDOMEN", "ct-abdomen"),
        ("CT", "", "ct"),
        ("CT", "EXTREMITY", "ct"),
        ("MR", "BRAIN", "mr"),
        ("DX", "CHEST", "cr"),
        ("RF", "", "xa"),
        ("US", "", "us"),
        ("PT", "CHEST", "pt"),
        ("NM", "", "nm"),
        ("MG", "BREAST", "mg"),
    ],
)
def test_by_modality_and_body_part(modality: str, part: str, name: str) -> None:
    found = profile_for(modality, part)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("modality", ["", "SEG", "SM", "OT", "RTDOSE", "C", "CTX"])
def test_another_modality_has_none(modality: str) -> None:
    assert profile_for(modality, "CHEST") is None


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'ct-foot'.*ct-head, ct-chest, ct-abdomen"):
        profile("ct-foot")


def test_the_lossless_ones() -> None:
    assert {name for name, one in PROFILES.items() if one.lossless_only} == {"nm", "pt", "mg", "lossless"}


def test_every_profile_names_its_source_and_windows_that_exist() -> None:
    for name, one in PROFILES.items():
        assert one.name == name
        assert one.source
        assert one.lossless_only is not bool(one.windows)
        assert {seen.window for seen in one.windows} <= {*WINDOWS, OWN}


def test_an_unknown_part_is_judged_no_milder_than_a_known_one() -> None:
    unknown = PROFILES["ct"].limits
    assert unknown is not None
    for name in ("ct-head", "ct-chest", "ct-abdomen"):
        known = PROFILES[name].limits
        assert known is not None
        for field in ("max_error", "p999", "rms", "bias", "block", "detail", "region", "steps"):
            mine, other = getattr(unknown, field), getattr(known, field)
            assert all(mine.of(noise, 1) <= other.of(noise, 1) for noise in (0, 1, 5, 20, 80))
        assert unknown.psnr >= known.psnr


def test_a_bound_follows_the_noise_between_floor_and_cap() -> None:
    bound = Bound(0.5, floor=1, cap=20)
    assert [bound.of(noise, 2) for noise in (0, 4, 10, 100)] == [2, 2, 5, 20]


def test_the_page_has_every_profile_and_every_limit() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = {cells[0]: cells[1:] for cells in map(_cells, page.splitlines()) if len(cells) > 1}
    for name, one in PROFILES.items():
        assert f"`{name}`" in rows, name
        if one.limits is None:
            continue
        numbers = " ".join(rows[f"`{name}`"])
        for value in (one.limits.psnr, one.limits.rms.noise, one.limits.max_error.noise, one.limits.detail.noise):
            assert re.search(rf"(?<![\d.]){value:g}(?![\d.])", numbers), (name, value)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []

"""The rules of the policy: how they read, which one decides, and what is refused with the rule's number."""

import datetime as dt
import re
from pathlib import Path

import pytest

from medarchive.errors import SettingsError
from medarchive.policy import Facts, Rule, first_match, parse_rules
from medarchive.settings import Settings

TODAY = dt.date(2026, 6, 1)
CT = Facts("CT", "CHEST", "CT1", "20260101", "ORIGINAL\\PRIMARY\\AXIAL")
NEAR = {"action": "near-lossless", "max_error": 2, "keep_original": True}
QUALITY = {"action": "quality", "quality": 40, "keep_original": True}

FILE = """
[[policy]]
modality = "MG"
action = "lossless"

[[policy]]
modality = ["CT", "mr"]
body_part = "chest"
ae_title = ["CT1", "CT2"]
older_than_days = 90
image_type = ["DERIVED", "ORIGINAL\\\\PRIMARY"]
action = "near-lossless"
max_error = 2
keep_original = false
grace_days = 30

[[policy]]
action = "profile"
profile = "ct"
keep_original = true

[[policy]]
modality = "US"
action = "quality"
quality = 62.5
keep_original = true
"""


def rules(tmp_path: Path, text: str = FILE) -> tuple[Rule, ...]:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    return Settings.load(file, {}).policy


def test_rules_stand_in_the_file_and_in_a_variable_alike(tmp_path: Path) -> None:
    found = rules(tmp_path)
    assert [rule.what for rule in found] == ["lossless", "near-lossless 2", "profile ct", "quality 62.5"]
    assert found[1] == Rule(
        "near-lossless",
        ("CT", "MR"),
        ("CHEST",),
        ("CT1", "CT2"),
        90,
        ("DERIVED", "ORIGINAL\\PRIMARY"),
        2,
        "",
        0,
        False,
        30,
    )
    assert Settings.load(environment={"MEDARCHIVE_POLICY": ",".join(map(str, found))}).policy == found
    assert Settings.load(environment={}).policy == ()


@pytest.mark.parametrize(
    ("quality", "what"),
    [
        (1, "quality 1"),
        (40, "quality 40"),
        (40.0, "quality 40"),
        (100.0, "quality 100"),
        (62.5, "quality 62.5"),
        (0.1 + 40.2, "quality 40.300000000000004"),
    ],
)
def test_a_quality_is_written_so_that_it_reads_as_the_same_number(quality: float, what: str) -> None:
    rule = Rule.parse({**QUALITY, "quality": quality}, 1)
    assert (rule.what, rule.loses) == (what, True)
    assert parse_rules(str(rule)) == (rule,)
    assert parse_rules(str(rule))[0].quality == quality
    assert Rule("quality", quality=quality, keep_original=True).what == what


def test_the_first_match_decides_and_none_is_none(tmp_path: Path) -> None:
    found = rules(tmp_path)
    assert first_match(found, CT, TODAY) == (2, found[1])
    assert first_match(found, Facts("MG", "BREAST", "", "", ""), TODAY) == (1, found[0])
    assert first_match(found, Facts("US", "", "", "", ""), TODAY) == (3, found[2])
    assert first_match(found[:2], Facts("US", "", "", "", ""), TODAY) is None
    assert first_match((), CT, TODAY) is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"modality": "ct"}, True),
        ({"modality": ["MR", "US"]}, False),
        ({"body_part": "CHEST"}, True),
        ({"body_part": "HEAD"}, False),
        ({"ae_title": "CT1"}, True),
        ({"ae_title": "ct1"}, False),
        ({"older_than_days": 151}, True),
        ({"older_than_days": 152}, False),
        ({"older_than_days": 0}, True),
        ({"image_type": "AXIAL"}, True),
        ({"image_type": "ORIGINAL\\AXIAL"}, True),
        ({"image_type": "ORIGINAL\\LOCALIZER"}, False),
        ({"image_type": ["LOCALIZER", "PRIMARY"]}, True),
        ({"modality": "CT", "body_part": "HEAD"}, False),
        ({}, True),
    ],
)
def test_a_condition(condition: dict[str, object], holds: bool) -> None:
    assert Rule.parse(condition | NEAR, 1).matches(CT, TODAY) is holds


@pytest.mark.parametrize("date", ["", "2026", "20261399", "2026-1-1", "20270101"])
def test_a_study_without_a_date_or_of_tomorrow_is_never_old(date: str) -> None:
    rule = Rule.parse({"older_than_days": 0, **NEAR}, 1)
    assert not rule.matches(Facts("CT", "", "", date, ""), TODAY)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "policy rule 3: action is missing"),
        ({"action": "tiny"}, "action = 'tiny': expected lossless, near-lossless, profile, quality"),
        ({"action": "lossless", "modalty": "CT"}, "unknown key 'modalty'; known are action, ae_title"),
        ({"action": "lossless", "max_error": 1}, 'max_error does not go with action = "lossless"'),
        ({"action": "lossless", "keep_original": True}, 'keep_original does not go with action = "lossless"'),
        ({"action": "near-lossless", "keep_original": True}, 'action = "near-lossless" needs max_error'),
        ({"action": "near-lossless", "max_error": 1}, 'action = "near-lossless" needs keep_original'),
        ({**NEAR, "max_error": 0}, "max_error = 0: expected 1 to 32768"),
        ({**NEAR, "max_error": True}, "max_error = True: expected 1 to 32768"),
        ({**NEAR, "profile": "ct"}, 'profile does not go with action = "near-lossless"'),
        ({**NEAR, "keep_original": "no"}, "keep_original = 'no': expected true or false"),
        ({**NEAR, "keep_original": False}, "keep_original = false needs grace_days"),
        ({**NEAR, "grace_days": 3}, "grace_days does not go with anything but keep_original = false"),
        ({**NEAR, "keep_original": False, "grace_days": -1}, "grace_days = -1: expected 0 to 100000 days"),
        ({"action": "profile", "keep_original": True}, 'action = "profile" needs profile'),
        ({"action": "profile", "profile": "", "keep_original": True}, "profile = '': expected the name"),
        ({"action": "quality", "keep_original": True}, 'action = "quality" needs quality'),
        ({"action": "quality", "quality": 40}, 'action = "quality" needs keep_original'),
        ({**QUALITY, "quality": 0.99}, "quality = 0.99: expected 1 to 100"),
        ({**QUALITY, "quality": 100.5}, "quality = 100.5: expected 1 to 100"),
        ({**QUALITY, "quality": float("nan")}, "quality = nan: expected 1 to 100"),
        ({**QUALITY, "quality": True}, "quality = True: expected 1 to 100"),
        ({**QUALITY, "quality": "40"}, "quality = '40': expected 1 to 100"),
        ({**QUALITY, "max_error": 1}, 'max_error does not go with action = "quality"'),
        ({**QUALITY, "profile": "ct"}, 'profile does not go with action = "quality"'),
        ({**NEAR, "quality": 40}, 'quality does not go with action = "near-lossless"'),
        ({"action": "lossless", "quality": 40}, 'quality does not go with action = "lossless"'),
        ({**QUALITY, "modality": "PT"}, "modality PT is never stored with loss"),
        ({**NEAR, "modality": "MG"}, "modality MG is never stored with loss"),
        ({**NEAR, "modality": ["CT", "seg"]}, "modality SEG is never stored with loss"),
        ({**NEAR, "modality": []}, "modality = []: expected a text, or a list"),
        ({**NEAR, "modality": 5}, "modality = 5: expected a text"),
        ({**NEAR, "body_part": ["CHEST", ""]}, "body_part = ['CHEST', '']: expected a text"),
        ({**NEAR, "older_than_days": "old"}, "older_than_days = 'old': expected 0 to 100000 days"),
        ("CT", "policy rule 3: 'CT': expected a table"),
    ],
)
def test_a_wrong_rule_is_named_by_its_number(table: object, message: str) -> None:
    lossless = {"action": "lossless"}
    with pytest.raises(SettingsError, match=re.escape(message)):
        Settings.load(environment={}, policy=[lossless, lossless, table])


@pytest.mark.parametrize("text", ["action=", "5", '{action = "lossless"'])
def test_a_variable_that_holds_no_rules(text: str) -> None:
    with pytest.raises(SettingsError, match="policy"):
        Settings.load(environment={"MEDARCHIVE_POLICY": text})


def test_a_policy_that_is_no_list() -> None:
    with pytest.raises(SettingsError, match=re.escape("policy = 5: expected [[policy]] tables")):
        Settings.load(environment={}, policy=5)

"""medarchive policy, as the command line shows it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.clock import stop_deriving_clock
from contracts.policies import SERIES, referring, slices
from medarchive.cli.children import _as_variables
from medarchive.settings import Settings

from .conftest import Cli, Ran

RULES = """
[[policy]]
modality = "MR"
action = "lossless"

[[policy]]
modality = "CT"
older_than_days = 30
action = "near-lossless"
max_error = 2
keep_original = {keep}
{grace}
"""
Under = Callable[..., Ran]


@pytest.fixture
def policy(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Under:
    """Runs a command under a policy, on an archive of three slices."""
    monkeypatch.setenv("MEDARCHIVE_CODECS", "zstd-planes")
    stop_deriving_clock(monkeypatch)
    for uid, data in slices().items():
        (tmp_path / f"{uid}.dcm").write_bytes(data)
    assert cli("ingest", *sorted(tmp_path.glob("*.dcm"))).code == 0
    file = tmp_path / "settings.toml"

    def run(*arguments: object, keep: bool = False, days: int = 0) -> Ran:
        grace = "" if keep else f"grace_days = {days}"
        file.write_text(RULES.format(keep=str(keep).lower(), grace=grace))
        return cli("--settings", file, *arguments)

    return run


def test_the_rules_as_they_were_understood(policy: Under) -> None:
    out = policy("policy", "show", days=5).out
    assert "modality CT, older than 30 days" in out
    assert "near-lossless 2" in out
    assert "go after 5 days" in out
    rules = policy("policy", "show", "--json").json
    assert rules[0] == {"action": "lossless", "modality": ["MR"]}
    assert rules[1]["keep_original"] is False


def test_looking_says_what_would_be_and_changes_nothing(policy: Under) -> None:
    before = policy("stats", "--json").json
    (series,) = policy("policy", "test", "--json").json
    assert (series["SeriesInstanceUID"], series["rule"], series["what"]) == (SERIES, 2, "near-lossless 2")
    assert (series["outcome"], series["sampled"]) == ("derive", 3)
    assert series["bytes_saved"] == series["bytes_now"] - series["bytes_derived"] > 0
    out = policy("policy", "test").out
    assert "estimated from 3 instances" in out
    assert policy("policy", "apply", "--dry-run").out == out
    assert policy("stats", "--json").json == before
    kept = policy("policy", "test", "--json", keep=True).json[0]
    assert kept["bytes_saved"] == -series["bytes_derived"]


def test_why_something_stays(policy: Under, tmp_path: Path) -> None:
    (tmp_path / "ko.dcm").write_bytes(referring(f"{SERIES}.2", own="1.2.9"))
    policy("ingest", tmp_path / "ko.dcm")
    out = policy("policy", "test").out
    assert "refused" in out
    assert "KO 1.2.9 refers to it (1 instances)" in out
    refused = next(each for each in policy("policy", "apply", "--json").json if each["outcome"] == "refused")
    assert refused["refusals"] == [{"reason": "KO 1.2.9 refers to it", "instances": 1, "uid": f"{SERIES}.2"}]
    assert policy("stats", "--json").json["instances"] == 4


def test_apply_and_undo(policy: Under) -> None:
    applied = policy("policy", "apply")
    assert applied.code == 0
    assert "3 originals are out of sight" in applied.out
    assert "saved in all, when originals are gone" in applied.out
    found = policy("find", "--level", "instance", "--json").json
    assert len(found) == 3
    assert not {each["SOPInstanceUID"] for each in found} & set(slices())
    shown = policy("show", found[0]["SOPInstanceUID"], "--json").json
    assert shown["derived_from"] in slices()
    assert shown["loss"] == "near-lossless 2"
    assert json.loads(shown["fidelity"])["max_error"] == 2
    assert policy("check", "--read-data").code == 0
    assert policy("policy", "undo", SERIES).out == "3 instances are as they were before\n"
    assert {each["SOPInstanceUID"] for each in policy("find", "--level", "instance", "--json").json} == set(slices())
    assert policy("policy", "undo", SERIES).code == 41
    assert "undone" in policy("policy", "test").out
    assert policy("policy", "apply", "--json").json[0]["outcome"] == "undone"


def test_originals_wait_for_their_grace(policy: Under) -> None:
    applied = policy("policy", "apply", "--json", days=10).json
    assert [(each["outcome"], each["instances"]) for each in applied] == [("done", 3)]
    assert policy("stats", "--json").json["instances"] == 6
    (job,) = policy("jobs", "--json", days=10).json
    assert (job["kind"], job["state"], bool(job["not before"])) == ("retire", "waiting", True)
    assert policy("show", f"{SERIES}.1", "--json").json["derived"]


def test_one_series_alone(policy: Under) -> None:
    assert policy("policy", "test", "9.9").out == "no series\n"
    assert [each["outcome"] for each in policy("policy", "apply", SERIES, "--json", keep=True).json] == ["done"]


def test_a_wrong_rule_is_named(policy: Under, tmp_path: Path, cli: Cli) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text('[[policy]]\naction = "near-lossless"\nmodality = "MG"\nmax_error = 1\nkeep_original = true\n')
    ran = cli("--settings", file, "policy", "test")
    assert (ran.code, ran.err) == (11, "medarchive: policy rule 1: modality MG is never stored with loss\n")


def test_a_quality_is_tested_applied_and_undone(policy: Under, tmp_path: Path, cli: Cli) -> None:
    file = tmp_path / "quality.toml"
    file.write_text('[[policy]]\naction = "quality"\nquality = 30\nkeep_original = false\ngrace_days = 0\n')
    ruled = ("--settings", file)
    assert cli(*ruled, "policy", "show", "--json").json == [
        {"action": "quality", "quality": 30.0, "keep_original": False, "grace_days": 0}
    ]
    assert "quality 30" in cli(*ruled, "policy", "show").out
    (series,) = cli(*ruled, "policy", "test", "--json").json
    assert (series["what"], series["outcome"], series["missed"]) == ("quality 30", "derive", "ct")
    assert "does not reach fidelity profile ct" in cli(*ruled, "policy", "test").out
    assert "3 originals are out of sight" in cli(*ruled, "policy", "apply").out
    uid = cli("find", "--level", "instance", "--json").json[0]["SOPInstanceUID"]
    shown = cli("show", uid, "--json").json
    assert shown["loss"] == "quality 30"
    assert json.loads(shown["fidelity"])["verdict"]["passed"] is False
    assert cli("check", "--read-data").code == 0
    assert cli("policy", "undo", SERIES).out == "3 instances are as they were before\n"


def test_processes_beside_us_have_the_same_rules(policy: Under, tmp_path: Path) -> None:
    policy("policy", "show", days=5)
    settings = Settings.load(tmp_path / "settings.toml", {})
    assert len(settings.policy) == 2
    assert Settings.load(environment=_as_variables(settings)).policy == settings.policy

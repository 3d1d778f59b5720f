"""Verdicts: their words, and the bytes that are kept of them."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medarchive.codecs.fidelity import Check, Verdict
from medarchive.errors import CorruptStream

CHECKS = (
    Check("max error", 3, most=12.5, unit="HU", remark="frame 2"),
    Check("psnr", 61.25, least=46, unit="dB"),
    Check("texture kept, middle band", 0.98, 0.9, 1.1),
)


def test_limits_in_words() -> None:
    assert [check.limit for check in CHECKS] == ["at most 12.5 HU", "at least 46 dB", "0.9 to 1.1"]
    assert str(CHECKS[0]) == "max error: 3 HU, at most 12.5 HU is allowed (frame 2)"
    assert str(Check("profile", math.nan, remark="none")) == "profile: not measured (none)"


@pytest.mark.parametrize(
    ("value", "passed"), [(0.9, True), (1.1, True), (0.89, False), (1.2, False), (math.nan, False)]
)
def test_a_value_passes_within_its_limits(value: float, passed: bool) -> None:
    assert Check("texture", value, 0.9, 1.1).passed is passed


def test_nothing_checked_is_not_passed() -> None:
    verdict = Verdict("ct-chest", ())
    assert not verdict.passed
    assert verdict.reasons == ("nothing was checked",)


def test_one_failure_is_a_failure() -> None:
    verdict = Verdict("ct-chest", (*CHECKS, Check("bias", 0.6, most=0.5, unit="HU")))
    assert not verdict.passed
    assert verdict.reasons == ("bias: 0.6 HU, at most 0.5 HU is allowed",)


def test_strain_sorts_from_far_to_beyond() -> None:
    strains = [Check("x", value, most=10).strain for value in (0, 5, 10, 20, math.inf, math.nan)]
    assert strains == sorted(strains)
    assert strains[2] == 1
    assert Check("x", 1, most=0).strain == math.inf
    assert Check("psnr", 20, least=40).strain == 2
    assert Check("x", 0.5, 0.9, 1.1).strain > Check("x", 1.2, 0.9, 1.1).strain > 1


def test_packed_and_back() -> None:
    verdict = Verdict("ct-chest", CHECKS)
    assert Verdict.unpacked(verdict.packed()) == verdict
    assert json.loads(verdict.packed())["passed"] is True


def test_what_was_not_measured_is_kept_as_such() -> None:
    verdict = Verdict("", (Check("texture", math.nan, 0.9, 1.1, remark="no patch"), Check("ratio", math.inf, most=1)))
    back = Verdict.unpacked(verdict.packed())
    assert math.isnan(back.checks[0].value)
    assert back.checks[1].value == math.inf
    assert back.reasons == verdict.reasons


@given(
    st.floats(allow_nan=False),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_rounding_never_turns_a_verdict(value: float, least: float | None, most: float | None) -> None:
    verdict = Verdict("mr", (Check("x", value, least, most),))
    assert Verdict.unpacked(verdict.packed()).passed is verdict.passed


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"profile":"mr","checks":[],"passed":true}',
        b'{"profile":"mr","checks":[["x",2,null,1]],"passed":true}',
        b'{"profile":"mr","checks":[["x",null,null,1]],"passed":false}',
        b'{"profile":"mr","checks":[[1,2,null,1]],"passed":false}',
        b'{"profile":"mr","checks":[["x",true,null,1]],"passed":true}',
        b'{"profile":"mr","checks":[["x","seven",null,1]],"passed":true}',
        b'{"profile":"mr","checks":3,"passed":true}',
    ],
)
def test_what_is_no_verdict_is_refused(data: bytes) -> None:
    with pytest.raises(CorruptStream):
        Verdict.unpacked(data)

"""Verdicts: whether an image passed, on which grounds, and what was measured."""

import json
import math
from dataclasses import dataclass
from typing import Any

from medarchive.errors import CorruptStream

__all__ = ["Check", "Verdict"]


@dataclass(frozen=True, slots=True)
class Check:
    """One measurement and its limit.

    Attributes:
        name: what was measured, such as "max error" or "ssim lung".
        value: in ``unit``, of the worst frame; NaN where it could not be measured.
        least: the smallest value that passes; None where there is none.
        most: the largest value that passes; None where there is none.
        unit: such as "HU", "dB", or "" for a number without one.
        remark: which frame, what kept it from being measured, what a person should know.
    """

    name: str
    value: float
    least: float | None = None
    most: float | None = None
    unit: str = ""
    remark: str = ""

    @property
    def passed(self) -> bool:
        """Whether the value lies within its limits. NaN does not."""
        above = self.least is None or self.value >= self.least
        below = self.most is None or self.value <= self.most
        return above and below and not math.isnan(self.value)

    @property
    def limit(self) -> str:
        """The limits in words."""
        unit = f" {self.unit}" if self.unit else ""
        if self.least is not None and self.most is not None:
            return f"{self.least:.4g} to {self.most:.4g}{unit}"
        if self.least is not None:
            return f"at least {self.least:.4g}{unit}"
        return f"at most {self.most:.4g}{unit}" if self.most is not None else "none"

    @property
    def strain(self) -> float:
        """How near to its limit the value is: 1 is on it, more is beyond, infinite for NaN. It sorts frames."""
        if math.isnan(self.value):
            return math.inf
        shares = [0.0]
        if self.most is not None:
            beyond = math.inf if self.value > 0 else 0.0
            shares.append(self.value / self.most if self.most else beyond)
        if self.least is not None:
            shares.append(self.least / self.value if self.value > 0 else math.inf)
        return max(shares)

    @property
    def measured(self) -> str:
        """The value in words."""
        unit = f" {self.unit}" if self.unit else ""
        return "not measured" if math.isnan(self.value) else f"{self.value:.4g}{unit}"

    def __str__(self) -> str:
        """The check as one reads it: name, value, limit, remark."""
        allowed = "" if self.least is None and self.most is None else f", {self.limit} is allowed"
        remark = f" ({self.remark})" if self.remark else ""
        return f"{self.name}: {self.measured}{allowed}{remark}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a comparison.

    Attributes:
        profile: the name of the profile, "" where there was none.
        checks: every check that was made, at least one.
    """

    profile: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether there is a check and every one passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What failed, in words; empty where it passed."""
        if not self.checks:
            return ("nothing was checked",)
        return tuple(str(check) for check in self.checks if not check.passed)

    def packed(self) -> bytes:
        """The verdict as compact JSON in ASCII, numbers with five digits; remarks are cut after 80 characters."""
        rows = [
            [c.name, *map(_number, (c.value, c.least, c.most)), c.unit, c.remark[:80]]
            for c in (_rounded(check) for check in self.checks)
        ]
        form = {"profile": self.profile, "passed": self.passed, "checks": [_trimmed(row) for row in rows]}
        return json.dumps(form, separators=(",", ":"), allow_nan=False).encode("ascii")

    @classmethod
    def unpacked(cls, data: bytes) -> "Verdict":
        """What ``packed`` wrote.

        Raises:
            CorruptStream: it is something else, or says that it passed with checks that did not.
        """
        try:
            form = json.loads(data)
            checks = tuple(_check(*row) for row in form["checks"])
            verdict = cls(str(form["profile"]), checks)
            passed = form["passed"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise CorruptStream(f"this is no packed verdict: {type(error).__name__}: {error}") from error
        if passed is not verdict.passed:
            raise CorruptStream("a packed verdict whose checks do not come to what it says")
        return verdict


def _rounded(check: Check) -> Check:
    """The check in five digits, on the same side of its limits."""
    value, least, most = check.value, check.least, check.most
    least = None if least is None else _digits(least)
    most = None if most is None else _digits(most)
    value = _digits(value)
    near = Check(check.name, value, least, most, check.unit, check.remark)
    if near.passed == check.passed:
        return near
    return check


def _digits(value: float) -> float:
    return float(f"{value:.5g}") if math.isfinite(value) else value


def _number(value: float | None) -> float | int | str | None:
    """A number as JSON has it; what is not finite by its name."""
    if value is None:
        return None
    if not math.isfinite(value):
        return str(value)
    return int(value) if value == int(value) and abs(value) < 1 << 53 else value


def _trimmed(row: list[Any]) -> list[Any]:
    """A row without the empty texts at its end."""
    while len(row) > 4 and row[-1] == "":
        row = row[:-1]
    return row


def _check(
    name: str, value: object, least: object = None, most: object = None, unit: str = "", remark: str = ""
) -> Check:
    if not (isinstance(name, str) and isinstance(unit, str) and isinstance(remark, str)):
        raise TypeError("a check's name, unit and remark are text")
    number = _read(value)
    if number is None:
        raise TypeError("a check without a value")
    return Check(name, number, _read(least), _read(most), unit, remark)


def _read(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError(f"{value!r} is no number")
    return float(value)

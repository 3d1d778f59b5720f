"""A clock that stands still: what says when it was made has the same size whenever a test runs."""

import datetime as dt
from types import SimpleNamespace

import pytest

__all__ = ["stop_deriving_clock"]


class _Stopped(dt.datetime):
    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> "_Stopped":
        return cls(2024, 1, 2, 12, 34, 56, 789012, tz)


def stop_deriving_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every derived instance is made in the same second."""
    monkeypatch.setattr("medarchive.archive.build.dt", SimpleNamespace(datetime=_Stopped))

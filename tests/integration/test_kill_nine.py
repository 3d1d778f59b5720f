"""The short form of ``kill_nine.py``, for every run of the tests."""

import random
from pathlib import Path

import pytest

from contracts.differences import register
from integration import kill_nine


def test_everything_acknowledged_survives_kill_nine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
    chance = random.Random(20)
    acknowledged = [kill_nine.one_round(tmp_path, number, chance.uniform(0, 0.4)) for number in range(5)]
    assert all(count >= 1 for count in acknowledged)
    kill_nine.finish(tmp_path)

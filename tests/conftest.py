"""For all tests: no image is read but where a test is about that, whatever is installed."""

import pytest

from medarchive.archive import reader


@pytest.fixture(autouse=True)
def _nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "can_read", lambda: False)
    monkeypatch.setenv("MEDARCHIVE_INSIGHT", "false")

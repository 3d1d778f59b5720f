"""A command line in this process, on an archive in a temporary folder."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from medarchive.cli.main import main


@dataclass
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs ``medarchive`` in a temporary folder, with the archive in ``archive`` below it."""
    monkeypatch.setenv("MEDARCHIVE_ARCHIVE", str(tmp_path / "archive"))
    monkeypatch.setenv("MEDARCHIVE_EFFORT", "1")
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, answer: str = "") -> Ran:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, out, err)

    return run

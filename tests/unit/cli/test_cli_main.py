"""The medarchive command as a whole: help, versions, errors, start-up."""

import subprocess
import sys
from typing import Any

import pytest
import typer.main

import medarchive
from medarchive.cli.main import app

from .conftest import Cli

GROUP: Any = typer.main.get_command(app)
COMMANDS = sorted(name for name, command in GROUP.commands.items() if not command.hidden)


def test_the_commands_are_those_that_are_promised() -> None:
    promised = [
        "init",
        "ingest",
        "find",
        "get",
        "show",
        "stats",
        "check",
        "serve",
        "encode",
        "decode",
        "codecs",
        "demo",
    ]
    assert set(promised) <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(cli: Cli, command: str) -> None:
    ran = cli(command, "--help")
    assert ran.code == 0
    assert "Examples:" in ran.out
    assert f"medarchive {command}" in ran.out.partition("Examples:")[2]


def test_help_and_version(cli: Cli) -> None:
    assert all(command in cli("--help").out for command in COMMANDS)
    assert cli("--version").out == f"medarchive {medarchive.__version__}\n"


def test_wrong_command_lines_are_refused(cli: Cli) -> None:
    for arguments in (["nonsense"], ["get"], ["ingest"], ["find", "--limit", "none"], ["stats", "--colour"]):
        ran = cli(*arguments)
        assert ran.code == 2
        assert "Traceback" not in ran.err


def test_an_archive_that_cannot_be_made_is_one_line(cli: Cli) -> None:
    ran = cli("stats", "--archive", "/dev/null/archive")
    assert ran.code == 46
    assert ran.err.startswith("medarchive: archive /dev/null/archive")
    assert ran.err.count("\n") == 1


def test_wrong_settings_are_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDARCHIVE_EFFORT", "11")
    ran = cli("stats")
    assert (ran.code, ran.err) == (11, "medarchive: effort = 11: expected 1 to 9\n")
    assert cli("stats", "--settings", "nowhere.toml").code == 11


def test_starting_imports_nothing_heavy() -> None:
    heavy = ("numpy", "pydicom", "pynetdicom", "imagecodecs", "sqlite_utils", "zstandard", "rich.table")
    code = (
        "import sys, medarchive.cli.main\n"
        f"found = [name for name in {heavy!r} if name in sys.modules]\n"
        "sys.exit(f'imported at start: {found}' if found else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_module_is_the_command() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "medarchive", "--version"], capture_output=True, text=True, check=True
    )
    assert ended.stdout == f"medarchive {medarchive.__version__}\n"

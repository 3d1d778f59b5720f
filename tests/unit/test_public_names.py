"""The public names of the package, and that importing it does no work."""

import subprocess
import sys

import pytest

import medarchive

NAMES = {
    "Archive", "Image", "Inspection", "Level", "MedarchiveError", "Peer", "Query", "Settings", "__version__",
    "codecs", "decode", "encode", "errors", "inspect", "preview",
}  # fmt: skip


def test_these_and_no_others() -> None:
    assert set(medarchive.__all__) == NAMES
    assert set(dir(medarchive)) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_can_be_had_in_a_fresh_interpreter(name: str) -> None:
    code = f"from medarchive import {name}; assert {name}"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_codecs_is_callable_whatever_was_imported_before() -> None:
    code = "import medarchive.codecs.api; print(*(codec.name for codec in medarchive.codecs()))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [codec.name for codec in medarchive.codecs()]


def test_other_names_are_none() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        medarchive.nonsense  # noqa: B018  # it is looked up


def test_importing_does_no_work() -> None:
    code = (
        "import os, sys, threading\n"
        "before = (dict(os.environ), threading.active_count())\n"
        "import medarchive\n"
        "assert before == (dict(os.environ), threading.active_count())\n"
        "heavy = [name for name in ('numpy', 'pydicom', 'pynetdicom', 'sqlite3', 'torch') if name in sys.modules]\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")

"""What is not documented fails; what is documented works."""

import re
import subprocess
import sys
from pathlib import Path

import typer.main

import medarchive
from medarchive.cli.main import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_reference_pages_are_what_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "tools" / "reference.py"), "--check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_every_command_and_option_has_help() -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    commands = dict(group.commands)  # type: ignore[attr-defined]  # it is a group
    for outer in ("policy", "users"):
        commands |= {f"{outer} {name}": command for name, command in commands.pop(outer).commands.items()}
    for name, command in commands.items():
        assert (f"\n## medarchive {name}\n" in page) is not command.hidden
        for parameter in command.params:
            assert parameter.help or parameter.hidden or command.hidden, f"{name} {parameter.name} has no help"


def test_every_public_name_is_on_the_python_page() -> None:
    page = (DOCS / "python.md").read_text(encoding="utf-8")
    assert [name for name in medarchive.__all__ if f"`{name}" not in page] == []


def test_the_python_page_runs(tmp_path: Path) -> None:
    code = "\n".join(blocks(DOCS / "python.md", "python"))
    assert code.count("import medarchive") > 1
    ended = subprocess.run([sys.executable, "-"], input=code, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "noticed: " in ended.stdout


def test_every_decision_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page.name for page in sorted((DOCS / "adr").glob("*.md")) if page.name not in navigation] == []

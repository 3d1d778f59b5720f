"""Write docs/cli.md and docs/settings.md from the code; with --check, only say whether they are up to date.

python tools/reference.py [--check]
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import typer.main

from medarchive import errors, policy, settings
from medarchive.cli.exits import MEANINGS
from medarchive.cli.main import app
from medarchive.dicom.attributes import LEVELS
from medarchive.dicom.query import DERIVED, Level
from medarchive.settings import PREFIX, Settings

DOCS = Path(__file__).resolve().parents[1] / "docs"
MADE = "<!-- Made by `make reference` from the code; change it there. -->\n"
BY_CORES = {"workers": "one a core, 8 at most", "node_processes": "one a core, 4 at most"}
SHARED = ("archive", "settings_file", "verbose", "help")


def cli() -> str:
    """The page of the command line."""
    group: Any = typer.main.get_command(app)
    lines = [
        "# Command line\n",
        MADE,
        "Answers go to stdout, everything else to stderr. Every table is printed as JSON with `--json`; numbers are",
        "numbers there, several values of one attribute are separated by a backslash, as in DICOM.\n",
        "## Options of every command\n",
        "Before or after the command's name. `encode`, `decode`, `fidelity`, `codecs`, `bench`, `bench-lossy` and",
        "`bench-profile` need no archive.\n",
        *_options(parameter for parameter in group.params if parameter.name != "help"),
    ]
    for name, command in _commands(group):
        if command.hidden:
            continue
        text, _, examples = command.help.partition("Examples:")
        lines += [f"\n## medarchive {name}\n", text.strip() + "\n"]
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option"]
        usage = " ".join(_argument(argument) for argument in arguments)
        lines += ["```", f"medarchive {name} [OPTIONS] {usage}".rstrip(), "```", *[""] * bool(arguments or options)]
        for argument in arguments:
            lines.append(f"- `{_argument(argument)}`: {argument.help}")
        lines += _options(p for p in options if p.name not in SHARED and not p.hidden)
        lines += ["\nExamples:\n", "```", *(line.strip() for line in examples.strip().splitlines()), "```"]
        if name == "find":
            lines += _attributes()
    lines += ["\n## Exit codes\n", "| code | meaning |", "|---|---|"]
    codes = dict(MEANINGS)
    for name in errors.__all__:
        kind = getattr(errors, name)
        codes[kind.exit_code] = f"`{name}`: {inspect.cleandoc(kind.__doc__).splitlines()[0]}"
    lines += [f"| {code} | {codes[code]} |" for code in sorted(codes)]
    return "\n".join(lines) + "\n"


def _commands(group: Any) -> Iterator[tuple[str, Any]]:
    """All commands with their names, those of groups too, as they are typed."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {inner}", each) for inner, each in _commands(command))
        else:
            yield name, command


def settings_page() -> str:
    """The page of the settings."""
    lines = [
        "# Settings\n",
        MADE,
        "A setting is taken from, the later winning: the default, a TOML file (`--settings FILE`), an environment",
        f"variable (`{PREFIX}` and the name in capitals; lists are separated by commas, an empty one does not count),",
        "a flag.\n",
        "```toml",
        'archive = "/data/archive"',
        'host = "0.0.0.0"',
        'ae_title = "ARCHIVE"',
        'peers = ["CT1=10.0.0.7:104", "VIEWER=10.0.0.9:11112"]',
        "```\n",
        "| setting | variable | default | |",
        "|---|---|---|---|",
    ]
    meanings = _meanings(settings, "Settings")
    for setting in fields(Settings):
        name = setting.name
        default = BY_CORES.get(name) or _default(name)
        lines.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {default} | {meanings[name]} |")
    return "\n".join([*lines, *_policy()]) + "\n"


def _policy() -> list[str]:
    """The section on the rules of the policy."""
    lines = [
        "\n## Policy\n",
        "Each `[[policy]]` table is a rule; the first whose conditions all hold decides, and where none does, nothing",
        "is lost. A condition may be one value or a list. [Policy](policy.md) says what a rule does and never can.\n",
        "```toml",
        "[[policy]]",
        'modality = ["CT", "MR"]',
        "older_than_days = 365",
        'action = "near-lossless"',
        "max_error = 2",
        "keep_original = false",
        "grace_days = 30",
        "```\n",
        f"In `{PREFIX}POLICY` rules are TOML inline tables, separated by commas:",
        '`{modality = ["CT"], action = "near-lossless", max_error = 2, keep_original = true}`.\n',
        "| key | |",
        "|---|---|",
    ]
    return lines + [f"| `{name}` | {meaning} |" for name, meaning in _meanings(policy, "Rule").items()]


def _attributes() -> list[str]:
    """What `find` knows, by level."""
    lines = ["\nAttributes that are indexed, by level; a key may belong to the level asked for or one above:\n"]
    lines += ["| level | attributes |", "|---|---|"]
    for level in Level:
        name = "instance" if level is Level.IMAGE else level.lower()
        lines.append(f"| {name} | {' '.join(a.keyword for a in (*LEVELS[level], *DERIVED[level]))} |")
    extras = "`size`, `stored_bytes`, `codec`, `sha256`, `state`, `reason`, `source` and `received_at`"
    return [*lines, f"\nAt the instance level `--json` adds {extras}: how it came and how it is kept."]


def _argument(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _options(options: Iterator[Any]) -> list[str]:
    lines = []
    for option in options:
        names = ", ".join(f"`{name}`" for name in option.opts)
        value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
        default = option.default
        after = f" Default: {default}." if default not in (None, False, ()) and not callable(default) else ""
        lines.append(f"- {names}{value}: {option.help}{after}")
    return lines


def _meanings(module: ModuleType, name: str) -> dict[str, str]:
    """The docstrings below the fields of a class, which Python itself does not keep."""
    tree = ast.parse(inspect.getsource(module))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    meanings = {}
    for node, after in pairwise(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
                raise SystemExit(f"{name}.{node.target.id} has no docstring")
            meanings[node.target.id] = " ".join(str(after.value.value).split())
    return meanings


def _default(name: str) -> str:
    value = getattr(Settings(), name)
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value) or "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main() -> None:
    """Write or compare."""
    pages = {DOCS / "cli.md": cli(), DOCS / "settings.md": settings_page()}
    for path, text in pages.items():
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise SystemExit(f"docs/{path.name} is not what the code says: run `make reference` and look at the change")


if __name__ == "__main__":
    main()

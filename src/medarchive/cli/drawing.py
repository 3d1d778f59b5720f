"""Drawing: tables, numbers, JSON. Answers go to stdout, everything else to stderr."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Literal

import typer

__all__ = ["draw_table", "echo_json", "ratio", "size", "when"]


def draw_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Draw a table; columns whose name ends in ``>`` are aligned to the right."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # A pipe has no width: nothing is cut or folded there.
    console = Console(width=None if sys.stdout.isatty() else 100_000)
    table = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE, pad_edge=False)
    for column in columns:
        number = column.endswith(">")
        justify: Literal["left", "right"] = "right" if number else "left"
        table.add_column(column.removesuffix(">"), justify=justify, no_wrap=number, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_printable(str(cell))) for cell in row))
    console.print(table)


def echo_json(value: object) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def size(number: float) -> str:
    """A number of bytes, for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def ratio(bytes_in: float, bytes_kept: float) -> str:
    """How many times smaller something became."""
    return f"{bytes_in / bytes_kept:.2f}" if bytes_kept else "-"


def when(seconds: float) -> str:
    """A time in seconds since 1970 as local time."""
    from datetime import datetime

    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")


def _printable(text: str) -> str:
    """Text without the control characters that a value from a file could send to the terminal."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)

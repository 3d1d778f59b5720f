"""The files that ``bench`` writes its figures to."""

import csv
import io
import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medarchive.cli.drawing import echo_json
from medarchive.cli.files import write_once
from medarchive.errors import Conflict, NotFound

if TYPE_CHECKING:
    from medarchive.bench.results import Results, Row
    from medarchive.bench.sources import PassedOver

__all__ = ["check_free", "write_csv", "write_figures", "write_json"]


def check_free(files: Iterable[Path | None], *, force: bool) -> None:
    """Look, before anything is measured, whether these files may be written; - is stdout.

    Raises:
        Conflict: one is there already.
        NotFound: the folder of one is not.
    """
    for file in files:
        if file is None or str(file) == "-":
            continue
        if not file.absolute().parent.is_dir():
            raise NotFound(f"no folder {file.absolute().parent} to write {file.name} to")
        if file.exists() and not force:
            raise Conflict(f"{file} is there already; --force replaces it")


def write_json(
    file: Path, measured_on: dict[str, Any], results: "Results", missing: list[str], passed_over: "list[PassedOver]"
) -> None:
    """Everything that was measured, and what was not; - is stdout."""
    figures = measured_on | {
        "against": results.reference(),
        "total": [asdict(row) for row in results.total()],
        "modalities": [asdict(row) for row in results.by_modality()],
        "series": [asdict(about) for about in results.series],
        "by_series": [asdict(row) for row in results.by_series()],
        "not_measured": missing,
        "passed_over": [{"path": str(each.path), "reason": each.reason} for each in passed_over],
    }
    write_figures(file, figures)


def write_figures(file: Path, figures: dict[str, Any]) -> None:
    """Figures as JSON, in which a number that is not finite is null; - is stdout."""
    finite = _finite(figures)
    if str(file) == "-":
        echo_json(finite)
    else:
        _write(file, json.dumps(finite, indent=2, ensure_ascii=False) + "\n")


def write_csv(file: Path, rows: "list[Row]") -> None:
    """A line for each row, under the names of its attributes."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(asdict(rows[0])), lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(row) for row in rows)
    _write(file, text.getvalue())


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write(file: Path, text: str) -> None:
    write_once(file, io.BytesIO(text.encode("utf-8", "replace")), replace=True)

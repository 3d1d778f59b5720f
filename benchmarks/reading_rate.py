"""C-STORE instances per second with the reading of new images behind it, beside the same push without.

    python benchmarks/reading_rate.py [--count 2000] [--repeat 3] [--json FILE]

Sender: DCMTK's storescu, one association and ten. The objects are the CT slices of ``store_rate``, in series of 100
that are sent one after the other; ``quiet`` is one second, so that the first series fall due while later ones arrive.
Compression works behind in both cases. After the push it is measured how long the archive takes to read what came.
"""

import argparse
import json
import platform
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from peers import medarchive
from store_rate import make_objects, push

_LONGEST = 300.0


def read_series(folder: Path) -> int:
    """How many series have been read."""
    with sqlite3.connect(f"file:{folder / 'catalogue.sqlite'}?mode=ro", uri=True) as catalogue:
        return int(catalogue.execute("SELECT count(DISTINCT series) FROM reading").fetchone()[0])


def caught_up(folder: Path, series: int) -> float:
    """Seconds until all series have been read."""
    started = time.perf_counter()
    while read_series(folder) < series:
        if time.perf_counter() - started > _LONGEST:
            raise RuntimeError(f"{read_series(folder)} of {series} series read after {_LONGEST:.0f} s")
        time.sleep(0.2)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to a file, too")
    arguments = parser.parse_args()
    rates: dict[str, dict[int, list[float]]] = {name: {1: [], 10: []} for name in ("false", "true")}
    behind: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "files").mkdir()
        files = make_objects(Path(scratch) / "files", arguments.count)
        series = len({(number + 1) // 100 for number in range(arguments.count)})
        for run in range(arguments.repeat):
            for associations in (1, 10):
                for reading, found in rates.items():
                    folder = Path(scratch, f"{reading}-{associations}-{run}")
                    with medarchive(folder, MEDARCHIVE_INSIGHT=reading, MEDARCHIVE_QUIET="1") as port:
                        found[associations].append(push(port, files, associations))
                        if reading == "true":
                            behind.append(caught_up(folder, series))
    report(rates, behind, arguments.json)


def report(rates: dict[str, dict[int, list[float]]], behind: list[float], file: Path | None) -> None:
    table = Table("reading", "1 association", "10 associations", title="C-STORE, instances/s (median of the runs)")
    medians = {name: {n: statistics.median(runs) for n, runs in by.items()} for name, by in rates.items()}
    for name, by in medians.items():
        table.add_row({"true": "on", "false": "off"}[name], f"{by[1]:.0f}", f"{by[10]:.0f}")
    ratio = {n: medians["true"][n] / medians["false"][n] for n in (1, 10)}
    table.add_row("on / off", f"{ratio[1]:.2f}", f"{ratio[10]:.2f}")
    Console().print(table)
    Console().print(f"all read {statistics.median(behind):.0f} s after the last answer (median)")
    if file is not None:
        facts = {"machine": platform.processor() or platform.machine(), "rates": rates, "ratio": ratio}
        file.write_text(json.dumps({**facts, "read_after_s": behind}, indent=2))


if __name__ == "__main__":
    main()

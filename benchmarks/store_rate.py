"""C-STORE instances per second, with one and with ten associations, beside Orthanc in the same run.

    python benchmarks/store_rate.py [--count 500] [--repeat 3] [--json FILE]

Sender: DCMTK's storescu. Both nodes: durable before they answer (ours always, Orthanc with SyncStorageArea), SQLite,
TCP_NODELAY on both sides, a fresh folder for every run, runs in turn. The objects are 39 kB CT slices with UIDs of
its own. Compression works behind in our case and competes for the same cores; --no-jobs measures the node alone.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from rich.console import Console
from rich.table import Table

from contracts.objects import ct
from peers import ORTHANC, QUIET, medarchive, orthanc

STORESCU = "/usr/bin/storescu"
Node = Callable[[Path], AbstractContextManager[int]]


def make_objects(folder: Path, count: int) -> list[Path]:
    """CT slices of 138 x 138 pixels: 39 kB each, as the figures of other archives use."""
    files = []
    for number in range(1, count + 1):
        file = folder / f"{number:05}.dcm"
        file.write_bytes(ct(number, size=138, study=f"1.2.3.{number // 100}", series=f"1.2.3.{number // 100}.1"))
        files.append(file)
    return files


def push(port: int, files: list[Path], associations: int) -> float:
    """Send the files over this many associations at once; instances per second."""
    shares = [files[i::associations] for i in range(associations)]
    started = time.perf_counter()
    senders = [
        subprocess.Popen([STORESCU, "127.0.0.1", str(port), *map(str, share)], env=QUIET, stdout=subprocess.DEVNULL)
        for share in shares
    ]
    failed = [sender.wait() for sender in senders]
    seconds = time.perf_counter() - started
    if any(failed):
        raise RuntimeError(f"storescu failed: {failed}")
    return len(files) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--no-jobs", action="store_true", help="our node without its jobs process")
    parser.add_argument("--json", type=Path, help="write the figures to a file, too")
    arguments = parser.parse_args()
    options = ["--no-jobs"] if arguments.no_jobs else []
    nodes: dict[str, Node] = {"medarchive": lambda folder: medarchive(folder, *options), "Orthanc": orthanc}
    rates: dict[str, dict[int, list[float]]] = {name: {1: [], 10: []} for name in nodes}
    with tempfile.TemporaryDirectory() as scratch:
        files_folder = Path(scratch, "files")
        files_folder.mkdir()
        files = make_objects(files_folder, arguments.count)
        for run in range(arguments.repeat):
            for associations in (1, 10):
                for name, node in nodes.items():
                    # Nothing is removed before the end: ext4 makes files slowly where many have just been removed.
                    with node(Path(scratch, f"{name}-{associations}-{run}")) as port:
                        rates[name][associations].append(push(port, files, associations))
    report(rates, arguments.json)


def report(rates: dict[str, dict[int, list[float]]], file: Path | None) -> None:
    table = Table("node", "1 association", "10 associations", title="C-STORE, instances/s (median of the runs)")
    medians = {name: {n: statistics.median(runs) for n, runs in by.items()} for name, by in rates.items()}
    for name, by in medians.items():
        table.add_row(name, f"{by[1]:.0f}", f"{by[10]:.0f}")
    ratio = {n: medians["medarchive"][n] / medians["Orthanc"][n] for n in (1, 10)}
    table.add_row("medarchive / Orthanc", f"{ratio[1]:.2f}", f"{ratio[10]:.2f}")
    Console().print(table)
    if file is not None:
        version = subprocess.run([ORTHANC, "--version"], capture_output=True, text=True, check=False).stdout
        facts = {"machine": platform.processor() or platform.machine(), "orthanc": version.splitlines()[:1]}
        file.write_text(json.dumps({**facts, "rates": rates, "ratio": ratio}, indent=2))


if __name__ == "__main__":
    main()

"""Files a second and pixels a second of `medarchive ingest`: durable, then compressed and proven by decoding.

    python benchmarks/ingest_rate.py [--data DIR] [--slices 64] [--repeat 3] [--json FILE]

Without --data the synthetic chest of `medarchive demo`, 512 x 512. DICOM files below DIR are first brought to Explicit
VR Little Endian, for what arrives compressed is kept as it is. Each way runs in turn in a fresh archive, from the
start of the command to its end: `--later` (durable only); with the codecs of the settings; with standard codecs alone.
Every run ends with `check --read-data`, which is not in the time.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from medarchive import Archive, Level, Query, Settings
from medarchive.cli.phantom import chest_ct
from medarchive.errors import MedarchiveError

WAYS = {
    "durable only": ["--later"],
    "predictive, jpegxl, zstd-planes": [],
    "jpegxl, zstd-planes": [],
}


def native(data: Path, folder: Path) -> None:
    """Write what lies below a folder as Explicit VR Little Endian."""
    subprocess.run([*command(folder / "archive"), "ingest", str(data), "--later"], capture_output=True, check=False)
    with Archive.open(Settings(archive=folder / "archive")) as archive:
        for number, match in enumerate(archive.find(Query.from_pairs(Level.IMAGE, []))):
            try:
                data_set = archive.load(match.values["SOPInstanceUID"], transfer_syntax="1.2.840.10008.1.2.1")
            except MedarchiveError as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            (folder / f"{number:05}.dcm").write_bytes(data_set.read())


def command(archive: Path) -> list[str]:
    return [sys.executable, "-m", "medarchive", "--archive", str(archive)]


def once(way: str, folder: Path) -> tuple[float, int, int]:
    """Seconds, bytes in, bytes kept."""
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "archive"
        arguments = [*command(archive), "ingest", str(folder), "--json", *WAYS[way]]
        settings = {"MEDARCHIVE_CODECS": way.replace(" ", "")} if "zstd" in way else {}
        started = time.perf_counter()
        ran = subprocess.run(arguments, capture_output=True, check=True, env={"PATH": "/usr/bin:/bin", **settings})
        seconds = time.perf_counter() - started
        subprocess.run([*command(archive), "check", "--read-data"], capture_output=True, check=True)
    found = json.loads(ran.stdout)
    return seconds, found["bytes_in"], found["bytes_kept"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--slices", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "files"
        folder.mkdir()
        if options.data:
            native(options.data, Path(scratch))
            for file in Path(scratch).glob("*.dcm"):
                file.rename(folder / file.name)
        else:
            for number, data in enumerate(chest_ct(options.slices, 512)):
                (folder / f"{number:05}.dcm").write_bytes(data)
        files = len(list(folder.iterdir()))
        figures = {way: [once(way, folder) for _ in range(options.repeat)] for way in WAYS}
    table = Table("way", "files/s", "MB/s in", "ratio", title=f"{files} files, median of {options.repeat}")
    rows = []
    for way, runs in figures.items():
        seconds, (_, bytes_in, bytes_kept) = statistics.median(run[0] for run in runs), runs[0]
        rows.append({"way": way, "files_s": files / seconds, "mb_s": bytes_in / seconds / 1e6})
        rows[-1] |= {"seconds": seconds, "bytes_in": bytes_in, "bytes_kept": bytes_kept}
        ratio = f"{bytes_in / bytes_kept:.2f}"
        table.add_row(way, f"{files / seconds:.1f}", f"{bytes_in / seconds / 1e6:.1f}", ratio)
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""Rate and distortion on the images that the project's figures are of: the bed of ``medarchive bench-lossy``.

python benchmarks/lossy_curves.py [options of bench-lossy]

WG-04's CT, MR, CR and XA images, and the middle slice of each validation series of these modalities, from the folder
that MEDARCHIVE_DATA names: ``wg04/*.dcm``, and ``codec/`` with its CATALOG.tsv.
"""

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from medarchive.cli.main import main

MODALITIES = ("CT", "MR", "CR", "XA")
WG04 = ("CT1", "CT2", "MR1", "MR2", "MR3", "MR4", "RG2", "RG3", "XA1")
"""RG2 and RG3 are computed radiography: their Modality is CR."""


def images(data: Path) -> Iterator[Path]:
    yield from (data / "wg04" / f"{name}.dcm" for name in WG04)
    with (data / "codec" / "CATALOG.tsv").open(newline="", encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row["split"] == "validation" and row["modality"] in MODALITIES:
                yield data / "codec" / row["dir"]


if __name__ == "__main__":
    folder = os.environ.get("MEDARCHIVE_DATA")
    if not folder or not Path(folder, "codec", "CATALOG.tsv").is_file():
        sys.exit("skipped: MEDARCHIVE_DATA names no folder with wg04/ and codec/CATALOG.tsv")
    main(["bench-lossy", *map(str, images(Path(folder))), *sys.argv[1:]])

"""How long it takes to find the similar ones among a million stored images, and in how much memory.

python benchmarks/similar_images.py [--images 1000000] [--archive DIR]

Makes an archive whose catalogue has so many images, 250 to a series, with embeddings of chance, and no blobs. Prints
the seconds of the first question, which reads all embeddings, those of further ones, and the memory that they take.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from medarchive.archive.archive import Archive
from medarchive.archive.catalog import Transaction
from medarchive.insight.reading import DIMENSIONS
from medarchive.settings import Settings

_SERIES = 250
_VERSION = "0123456789abcdef"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--archive", type=Path)
    parser.add_argument("--questions", type=int, default=10)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Archive.open(Settings(archive=options.archive or Path(folder))) as archive,
    ):
        _fill(archive, options.images)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took = []
        for number in range(options.questions + 1):
            began = time.perf_counter()
            found = archive.similar(f"1.2.{number + 1}", 10, same_modality=number % 2 == 1)
            took.append(time.perf_counter() - began)
            assert len(found) == 10
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{options.images} images: first question {took[0]:.2f} s, then {np.median(took[1:]):.3f} s (median), ")
    print(f"{max(took[1:]):.3f} s (slowest); {(after - before) / 1024:.0f} MB more than before")


def _fill(archive: Archive, images: int) -> None:
    random = np.random.default_rng(1)

    def some(transaction: Transaction, first: int, last: int) -> None:
        vectors = random.normal(size=(last - first, DIMENSIONS)).astype("<f4")
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for number, vector in zip(range(first, last), vectors, strict=True):
            series = number // _SERIES + 1
            if number % _SERIES == 0:
                transaction.execute(
                    "INSERT INTO series (id, study, key, SeriesInstanceUID, Modality, instances) "
                    "VALUES (?, 1, ?, ?, ?, ?)",
                    (series, str(series), f"1.3.{series}", ("CT", "MR")[series % 2], _SERIES),
                )
            transaction.execute(
                "INSERT INTO instance (id, series, SOPInstanceUID, SOPClassUID, source, state, form, codec, reason, "
                "transfer_syntax, size, sha256, dataset_offset, dataset_sha256, received_at, stored_bytes, blob, "
                "entry) VALUES (?, ?, ?, '', '', 'kept', 'raw', '', '', '', 0, '', 0, '', 0, 0, '', 0)",
                (number + 1, series, f"1.2.{number + 1}"),
            )
            transaction.execute(
                "INSERT INTO embedding (instance, frame, version, vector) VALUES (?, 0, ?, ?)",
                (number + 1, _VERSION, vector.tobytes()),
            )

    archive.catalog.write(
        lambda t: t.execute("INSERT INTO patient (id, key, PatientID, instances) VALUES (1, 'P', 'P', 1)")
    )
    archive.catalog.write(
        lambda t: t.execute(
            "INSERT INTO study (id, patient, key, StudyInstanceUID, instances) VALUES (1, 1, 'S', '1', 1)"
        )
    )
    for first in range(0, images, 20_000):
        archive.catalog.write(lambda t, low=first: some(t, low, min(low + 20_000, images)))  # type: ignore[misc]


if __name__ == "__main__":
    main()

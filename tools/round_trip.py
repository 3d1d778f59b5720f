"""Every DICOM file of some folders goes into an archive, is compressed with proof, and must come back identical.

    python tools/round_trip.py PATH...

Every file that pydicom's ``dcmread`` reads without force and that has SOP Class and Instance UIDs has to be stored and
to return with the same SHA-256; any other has to be refused with a reason. Files that share a UID with one before them
go into a fresh archive. Exit code 1 where one of that does not hold.
"""

import hashlib
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pydicom

from medarchive.archive.archive import Archive
from medarchive.errors import Conflict, MedarchiveError
from medarchive.settings import Settings

__all__ = ["readable", "round_trips"]


def readable(file: Path) -> bool:
    """Whether pydicom reads the file without force and finds both UIDs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(file, stop_before_pixels=True)
            return bool(dataset.get("SOPClassUID") and dataset.get("SOPInstanceUID"))
        except Exception:  # noqa: BLE001  # pydicom has no common root for what a broken file does to it
            return False


def round_trips(files: Iterable[Path], scratch: Path) -> Iterator[tuple[Path, str, str]]:
    """Each file with what came of it: ``identical``, ``refused``, ``different``; and the codec or the reason."""
    waiting, generation = list(files), 0
    while waiting:
        generation += 1
        settings = Settings(archive=scratch / f"{generation}", effort=3, grace=0)
        again: list[Path] = []
        stored: list[tuple[Path, str]] = []
        with Archive.open(settings) as archive:
            for file in waiting:
                try:
                    with file.open("rb") as stream:
                        stored.append((file, archive.store(stream).uid))
                except Conflict:
                    again.append(file)
                except MedarchiveError as error:
                    yield file, "refused", f"{type(error).__name__}: {error}"
            for result in archive.compress(wait_for_all=True):
                if result.error:
                    yield Path(result.uid), "different", result.error
            archive.collect(orphans=False)
            for file, uid in stored:
                with archive.load(uid) as stream:
                    returned = hashlib.sha256(stream.read()).hexdigest()
                original = hashlib.sha256(file.read_bytes()).hexdigest()
                same, record = returned == original, archive.instance(uid)
                # A file that differs in File Meta alone is the same object: then the first one's bytes are kept.
                if original != record.sha256:
                    again.append(file)
                    continue
                yield file, "identical" if same else "different", record.codec
            problems = list(archive.check(read_data=True))
            if problems:
                yield settings.archive, "different", str(problems[0])
        waiting = again


def main(paths: list[str]) -> int:
    """Run over folders and files; the exit code."""
    files = sorted(file for path in map(Path, paths) for file in ([path] if path.is_file() else path.rglob("*")))
    files = [file for file in files if file.is_file()]
    counts: Counter[str] = Counter()
    codecs: Counter[str] = Counter()
    wrong = 0
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        for file, outcome, detail in round_trips(files, Path(scratch)):
            counts[outcome] += 1
            codecs[detail if outcome == "identical" else outcome] += 1
            if outcome == "refused":
                print(f"refused {file}: {detail}")
            if outcome == "different" or (outcome == "refused" and readable(file)):
                wrong += 1
                print(f"WRONG: {outcome} {file}: {detail}")
    print(f"{len(files)} files in {time.perf_counter() - started:.0f} s: {dict(counts)}; kept as {dict(codecs)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""DICOMweb beside Orthanc's plugin, on the same data in the same run: searches, series, instances, frames, pictures.

    python benchmarks/dicomweb_rate.py [--studies 2000] [--slices 200] [--repeat 3] [--json FILE]

Both archives get the same objects: small studies to be searched, and one CT of 512 x 512. Ours has all of it in the
learned codec, the CT in groups, before anything is measured; Orthanc keeps what it got. One client (requests, kept
alive), runs in turn. Ours is asked with an API token, Orthanc without authentication.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
import requests
from rich.console import Console
from rich.table import Table

import peers
from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.cli.phantom import volume
from medarchive.settings import Settings
from peers import ORTHANC, QUIET, free_port, running

STUDY = "1.2.826.0.1.3680043.10.1338.200"
SERIES = f"studies/{STUDY}/series/{STUDY}.1"
NAME, PASSWORD = "bench", "correct horse battery"
DICOM = {"Accept": 'multipart/related; type="application/dicom"'}
PIXELS = {"Accept": 'multipart/related; type="application/octet-stream"'}


@dataclass(frozen=True)
class Site:
    """An archive that is asked: where, and as whom."""

    name: str
    root: str
    session: requests.Session

    def get(self, path: str, **headers: str) -> requests.Response:
        # requests takes gzip where it is not told otherwise, with which Orthanc spends most of its time on pixels
        answer = self.session.get(f"{self.root}/{path}", headers={"Accept-Encoding": "identity", **headers})
        answer.raise_for_status()
        return answer


def made(folder: Path, studies: int, slices: int) -> list[Path]:
    """Small studies, and a chest CT of 512 x 512."""
    files = []
    for number in range(studies):
        uid = f"1.2.3.{number}"
        day = f"2024{1 + number % 12:02}{1 + number % 28:02}"
        data = ct(
            1, study=uid, series=f"{uid}.1", patient=f"P{number}", PatientName=f"Name{number % 97}^A", StudyDate=day
        )
        files.append(folder / f"s{number}.dcm")
        files[-1].write_bytes(data)
    planes = volume(slices=24, size=512)
    for number in range(1, slices + 1):
        plane = planes[number % 24].astype("<u2")
        noise = np.random.default_rng(number).integers(0, 3, plane.shape).astype("<u2")
        data = ct(
            number,
            study=STUDY,
            series=f"{STUDY}.1",
            patient="CT",
            size=512,
            PixelData=(plane + noise).tobytes(),
            ImagePositionPatient=[0, 0, number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        )
        files.append(folder / f"c{number}.dcm")
        files[-1].write_bytes(data)
    return files


def stored(folder: Path, files: list[Path]) -> None:
    """An archive of them in its final form, and an account that sees all of it."""
    with Archive.open(Settings(archive=folder, quiet=0)) as archive:
        for file in files:
            archive.store(io.BytesIO(file.read_bytes()))
        list(archive.compress(wait_for_all=True))
        list(archive.compress_together([f"{STUDY}.1"]))
    options = ["--email", "bench@example.org", "--role", "viewer", "--sees", "all", "--password-stdin"]
    subprocess.run([*command(folder), "users", "add", NAME, *options], input=PASSWORD, text=True, check=True)


def command(folder: Path) -> list[str]:
    """Ours, on an archive."""
    return [sys.executable, "-m", "medarchive", "--archive", str(folder)]


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Our web face alone over an archive; gives its address."""
    port = free_port()
    environment = {**os.environ, "MEDARCHIVE_WEB_PORT": str(port), "MEDARCHIVE_INSIGHT": "false"}
    with running([*command(folder), "serve", "--no-node", "--no-jobs"], port, says_so=True, environment=environment):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def ours(folder: Path, files: list[Path]) -> Iterator[Site]:
    """Our web face, asked with a token."""
    stored(folder, files)
    with served(folder) as base:
        yield Site("medarchive", f"{base}/dicom-web", with_token(base))


def with_token(base: str) -> requests.Session:
    """A session that sends an API token, made on the page for it."""
    browser = requests.Session()

    def form(path: str, **values: str) -> str:
        page = browser.get(base + path).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None, path
        sent = {"csrfmiddlewaretoken": token[1], **values}
        return browser.post(base + path, data=sent, headers={"Referer": base + path}).text

    form("/accounts/login/", login=NAME, password=PASSWORD)
    page = form("/accounts/tokens/", name="bench", scope="read", days="1")
    token = re.search(r"mda_[A-Za-z0-9_-]+", page)
    assert token is not None, page
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token[0]}"
    return session


@contextlib.contextmanager
def orthanc(folder: Path, files: list[Path]) -> Iterator[Site]:
    """Debian's Orthanc with its DICOMweb plugin."""
    web = free_port()
    options = {
        "HttpServerEnabled": True,
        "HttpPort": web,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": ["/usr/share/orthanc/plugins"],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    with peers.orthanc(folder, **options) as port:
        for first in range(0, len(files), 500):
            some = [str(file) for file in files[first : first + 500]]
            subprocess.run(["/usr/bin/storescu", "127.0.0.1", str(port), *some], env=QUIET, check=True)
        yield Site("Orthanc", f"http://127.0.0.1:{web}/dicom-web", requests.Session())


def timed(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def rate(got: Callable[[], int]) -> float:
    """Megabytes a second of what gives a count of bytes."""
    started = time.perf_counter()
    size = got()
    return size / (time.perf_counter() - started) / 1e6


def series_rate(site: Site) -> float:
    """Megabytes a second of the CT as a whole."""
    return rate(lambda: len(site.get(SERIES, **DICOM).content))


def searches(site: Site, count: int = 60) -> dict[str, float]:
    """Seconds of searches for studies: by name, by date, a page of all."""
    asked = []
    for n in range(count):
        month = f"2024{1 + n % 12:02}"
        queries = (f"PatientName=Name{n % 97}*", f"StudyDate={month}01-{month}07", f"offset={n * 7}")
        asked.append(f"studies?{queries[n % 3]}&limit=50")
    seconds = sorted(timed(partial(site.get, path, Accept="application/dicom+json")) for path in asked)
    return {"QIDO p50 ms": 1000 * statistics.median(seconds), "QIDO p95 ms": 1000 * seconds[int(0.95 * count)]}


def measure(site: Site, slices: int) -> dict[str, float]:
    """All figures of a site."""
    found = searches(site)
    found["WADO-RS series MB/s"] = series_rate(site)
    numbers = range(1, slices + 1)
    instances = [f"{SERIES}/instances/{STUDY}.1.{number}" for number in numbers]
    found["WADO-RS instances MB/s"] = rate(lambda: sum(len(site.get(path, **DICOM).content) for path in instances))
    frames = [f"{path}/frames/1" for path in instances]
    found["frames/s"] = slices / timed(lambda: [site.get(path, **PIXELS) for path in frames])
    found["frames/s again"] = slices / timed(lambda: [site.get(path, **PIXELS) for path in frames])
    middle = f"{SERIES}/instances/{STUDY}.1.{slices // 2}"
    found["rendered ms"] = 1000 * timed(lambda: site.get(f"{middle}/rendered", Accept="image/jpeg"))
    found["metadata of a series ms"] = 1000 * timed(
        lambda: site.get(f"{SERIES}/metadata", Accept="application/dicom+json")
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to a file, too")
    arguments = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {"medarchive": [], "Orthanc": []}
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "files").mkdir()
        files = made(Path(scratch) / "files", arguments.studies, arguments.slices)
        with ours(Path(scratch) / "ours", files) as one, orthanc(Path(scratch) / "orthanc", files) as other:
            firsts = {site.name: {"WADO-RS series MB/s, first time": series_rate(site)} for site in (one, other)}
            for _ in range(arguments.repeat):
                for site in (one, other):
                    runs[site.name].append(measure(site, arguments.slices))
    report(runs, firsts, arguments.json)


def report(runs: dict[str, list[dict[str, float]]], firsts: dict[str, dict[str, float]], file: Path | None) -> None:
    medians = {
        name: firsts[name] | {key: statistics.median(run[key] for run in some) for key in some[0]}
        for name, some in runs.items()
    }
    table = Table("", *medians, "ratio", title="DICOMweb (median of the runs)")
    for key in medians["medarchive"]:
        one, other = (medians[name][key] for name in medians)
        table.add_row(key, f"{one:.1f}", f"{other:.1f}", f"{one / other:.2f}")
    Console().print(table)
    if file is not None:
        version = subprocess.run(
            [ORTHANC, "--version"], capture_output=True, text=True, check=False
        ).stdout.splitlines()[:1]
        facts = {"machine": platform.processor() or platform.machine(), "orthanc": version}
        file.write_text(json.dumps({**facts, "runs": runs, "medians": medians}, indent=2))


if __name__ == "__main__":
    main()

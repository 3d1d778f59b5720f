"""The peers of the network benchmarks: our node and Orthanc (Debian's), each a process of its own on a fresh folder."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ORTHANC = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
QUIET = {**os.environ, "TCP_NODELAY": "1"}
"""DCMTK (and with it Orthanc) sets TCP_NODELAY only where its environment asks for it; our node always does."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def medarchive(folder: Path, *options: str, **environment: str) -> Iterator[int]:
    """Our node, with what works behind it unless the options say otherwise, and some variables of the environment."""
    port = free_port()
    command = [sys.executable, "-m", "medarchive", "--archive", str(folder), "serve", "--any-peer", "--no-web"]
    with running([*command, "--port", str(port), *options], port, says_so=True, environment=QUIET | environment):
        yield port


@contextmanager
def orthanc(folder: Path, **options: object) -> Iterator[int]:
    """Orthanc as it is safest, SyncStorageArea, SQLite, no limit on associations; ``options`` change its settings."""
    folder.mkdir(parents=True)
    port = free_port()
    configuration = folder / "orthanc.json"
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "DicomPort": port,
        "DicomAlwaysAllowStore": True,
        "DicomCheckCalledAet": False,
        "HttpServerEnabled": False,
        "SyncStorageArea": True,
        "ConcurrentJobs": 2,
        "DicomThreadsCount": 10,
        "Plugins": [],
    }
    configuration.write_text(json.dumps(settings | options))
    with running([ORTHANC, str(configuration)], port):
        yield port


@contextmanager
def running(
    command: list[str], port: int, *, says_so: bool = False, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """Run a node; it is ready when it has printed a line, where it says so, and when its port is open."""
    out = subprocess.PIPE if says_so else subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment or QUIET, stdout=out, stderr=subprocess.DEVNULL)
    try:
        if process.stdout is not None:
            process.stdout.readline()
        deadline = time.monotonic() + 60
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not open port {port} (exit code {process.returncode})")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)

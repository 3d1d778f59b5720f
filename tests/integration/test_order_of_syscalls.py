"""strace of one C-STORE: blob fsync, rename, directory fsync, catalogue sync, and only then the response."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contracts.objects import ct

STRACE = "/usr/bin/strace"
STORESCU = "/usr/bin/storescu"
CALLS = "openat,fsync,fdatasync,rename,renameat,renameat2,sendto,sendmsg,write,pwrite64"


@pytest.fixture
def trace(tmp_path: Path) -> list[str]:
    """The system calls of the node from the moment it listens, while one object is sent to it."""
    archive, log = tmp_path / "archive", tmp_path / "trace"
    serve = [sys.executable, "-m", "medarchive", "--archive", str(archive), "serve", "--any-peer", "--no-jobs"]
    serve.append("--no-web")
    # -f follows the threads, -y names the files behind descriptors
    node = subprocess.Popen(
        [STRACE, "-f", "-y", "-e", f"trace={CALLS}", "-o", str(log), *serve, "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert node.stdout is not None
    try:
        match = re.search(r":(\d+)", node.stdout.readline())
        assert match is not None
        (tmp_path / "one.dcm").write_bytes(ct(size=64))
        mark = len(log.read_text().splitlines())
        command = [STORESCU, "127.0.0.1", match[1], str(tmp_path / "one.dcm")]
        subprocess.run(command, check=True, env={**os.environ, "TCP_NODELAY": "1"}, timeout=60)
        time.sleep(0.3)
    finally:
        os.killpg(node.pid, signal.SIGTERM)
        node.wait(30)
        node.stdout.close()
    return log.read_text().splitlines()[mark:]


def first(trace: list[str], pattern: str, after: int = -1) -> int:
    """The number of the first line after another that a pattern matches."""
    for number, line in enumerate(trace):
        if number > after and re.search(pattern, line):
            return number
    pytest.fail(f"no call like {pattern} after line {after} of\n" + "\n".join(trace))


def test_everything_is_synced_in_order_before_the_response(trace: list[str]) -> None:
    blob_synced = first(trace, r"fsync\(\d+<[^>]*/incoming/[0-9a-f]{32}/[0-9a-f]{32}>\)")
    renamed = first(trace, r"rename\w*\(.*/incoming/.*/blobs/[0-9a-f]{2}/[0-9a-f]{64}", blob_synced)
    directory_synced = first(trace, r"fsync\(\d+<[^>]*/blobs/[0-9a-f]{2}>\)", renamed)
    catalogue_written = first(trace, r"pwrite64\(\d+<[^>]*catalogue\.sqlite-wal>", directory_synced)
    catalogue_synced = first(trace, r"(fsync|fdatasync)\(\d+<[^>]*catalogue\.sqlite-wal>\)", catalogue_written)
    # The response is the first PDU after the data: it carries C-STORE-RSP (command field 8001H), status 0000H.
    response = first(trace, r"(sendto|sendmsg|write)\(\d+<(TCP|socket)[^>]*>, \"\\4\\0", -1)
    assert catalogue_synced < response, "acknowledged before the catalogue was safe:\n" + "\n".join(trace)

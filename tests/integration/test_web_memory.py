"""Large objects pass through the web without ever being in memory: measured on the process that takes them in."""

import io
import os
import re
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contracts.objects import ct
from medarchive.settings import Settings

MEGABYTE = 1 << 20
MOST = 48 * MEGABYTE
"""By how much the process may grow: buffers of the wire and of the store, whatever the size of the object."""
ACCOUNT = """
import sys
from pathlib import Path
from medarchive.archive.archive import Archive
from medarchive.settings import Settings
from medarchive.web.accounts.prepare import prepare
with Archive.open(Settings(archive=Path(sys.argv[1]))) as archive:
    prepare(archive)
    from medarchive.web.accounts.models import Token, User
    user = User.objects.create_user("scanner", "s@example.org", None, is_active=True, role="archivist", sees="all")
    print(Token.issue(user, "scanner", "write")[1])
    from django.test import Client
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    print(client.cookies["medarchive"].value)
"""


class Web:
    """A web face in a process of its own."""

    def __init__(self, folder: Path) -> None:
        made = subprocess.run(
            [sys.executable, "-c", ACCOUNT, str(folder)], check=True, capture_output=True, text=True
        ).stdout.split()
        self.token, self.session = made
        command = [sys.executable, "-m", "medarchive", "--archive", str(folder), "serve", "--no-node", "--no-jobs"]
        self._parent = subprocess.Popen([*command, "--web-port", "0"], stdout=subprocess.PIPE, text=True)
        assert self._parent.stdout is not None
        match = re.search(r"http://\S+", self._parent.stdout.readline())
        assert match is not None
        self.address = match[0]
        children = Path(f"/proc/{self._parent.pid}/task/{self._parent.pid}/children").read_text().split()
        self._status = Path(f"/proc/{children[0]}/status")
        self.folder = folder

    def peak(self) -> int:
        """The most memory that it had since it was last asked, in bytes."""
        found = re.search(r"VmHWM:\s+(\d+) kB", self._status.read_text())
        assert found is not None
        (self._status.parent / "clear_refs").write_text("5")
        return int(found[1]) * 1024

    def stop(self) -> None:
        with self._parent as parent:
            parent.terminate()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    running = Web(tmp_path / "archive")
    yield running
    running.stop()


def large(size: int, number: int) -> Iterator[bytes]:
    """A CT image whose pixel data have so many bytes that do not repeat."""
    start = ct(number)
    head = start[: start.rindex(b"\xe0\x7f\x10\x00OW") + 8]
    yield head + size.to_bytes(4, "little")
    block = os.urandom(MEGABYTE)
    for count in range(size // MEGABYTE):
        yield uuid.uuid5(uuid.NAMESPACE_OID, str(count)).bytes + block[16:]


def related(contents: Iterator[bytes]) -> Iterator[bytes]:
    yield b"--b\r\nContent-Type: application/dicom\r\n\r\n"
    yield from contents
    yield b"\r\n--b--"


def test_memory_stays_flat_while_large_objects_come_in(web: Web, tmp_path: Path) -> None:
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    program = {"Authorization": f"Bearer {web.token}"}
    with httpx.Client(base_url=web.address, timeout=300) as client:
        client.post("dicom-web/studies", content=related(large(MEGABYTE, 1)), headers=kind | program)
        before = web.peak()
        started = time.monotonic()
        answer = client.post("dicom-web/studies", content=related(large(400 * MEGABYTE, 2)), headers=kind | program)
        seconds, grown = time.monotonic() - started, web.peak() - before
        print(f"STOW-RS: {400 * MEGABYTE / 1e6 / seconds:.0f} MB/s, {grown >> 20} MiB")
        assert answer.status_code == 200, answer.text
        assert grown < MOST

        client.cookies["medarchive"] = web.session
        client.get("upload/")
        headers = {"X-CSRFToken": client.cookies["csrftoken"], "Accept": "application/json"}
        plain, packed = tmp_path / "plain.dcm", tmp_path / "packed.zip"
        plain.write_bytes(b"".join(large(100 * MEGABYTE, 3)))
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("one.dcm", b"".join(large(100 * MEGABYTE, 4)))
        client.post("upload/", files={"files": ("small", io.BytesIO(ct(5)))}, headers=headers)
        web.peak()
        for file in (plain, packed):
            before = web.peak()
            with file.open("rb") as stream:
                answer = client.post("upload/", files={"files": (file.name, stream)}, headers=headers)
            grown = web.peak() - before
            print(f"{file.name}: {grown >> 20} MiB")
            assert [one["result"] for one in answer.json()["objects"]] == ["stored"], answer.text
            assert grown < MOST
    assert list((web.folder / "incoming").glob("*/*")) == []


def test_memory_stays_flat_while_large_objects_leave(web: Web) -> None:
    program = {"Authorization": f"Bearer {web.token}"}
    kind = {"Content-Type": "application/dicom"}
    whole = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    most = 2 * Settings().max_memory_bytes + MOST
    """What an object may take before it goes through a file."""
    with httpx.Client(base_url=web.address, timeout=300) as client:
        for number, size in ((1, MEGABYTE), (2, 400 * MEGABYTE)):
            answer = client.post("dicom-web/studies", content=large(size, number), headers=kind | program)
            assert answer.status_code == 200, answer.text
        for url in ("dicom-web/studies/1.2.3.1", "dicom-web/studies/1.2.3.1/series/1.2.3.1.1/instances/1.2.3.1.1.2"):
            before, started, got = web.peak(), time.monotonic(), 0
            with client.stream("GET", url, headers=whole | program) as answer:
                for piece in answer.iter_raw():
                    got += len(piece)
            seconds, grown = time.monotonic() - started, web.peak() - before
            print(f"WADO-RS: {got / 1e6 / seconds:.0f} MB/s, {grown >> 20} MiB")
            assert got == int(answer.headers["Content-Length"])
            assert got > 400 * MEGABYTE
            assert grown < most

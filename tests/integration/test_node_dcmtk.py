"""DCMTK's tools against the node, with the options that keep bits."""

import hashlib
import os
import socket
import subprocess
import time
from pathlib import Path

from contracts.objects import SHIPPED, ct
from contracts.raw_peer import dataset_of
from integration.conftest import with_destination
from medarchive.archive.archive import Archive
from medarchive.archive.instances import everything
from medarchive.dicom.part10 import skip_meta
from medarchive.dicom_node.node import Node

BIN = Path("/usr/bin")  # by absolute path: pynetdicom installs programs of the same names
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
NATIVE = ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "rtdose.dcm", "examples_overlay.dcm")
COMPRESSED = {"JPEGLSNearLossless_16.dcm": "-xu", "examples_jpeg2k.dcm": "-xv", "SC_rgb_jpeg_gdcm.dcm": "-xs"}


def run(node: Node, tool: str, *options: str, files: tuple[Path, ...] = ()) -> str:
    command = [str(BIN / tool), "-aec", "MEDARCHIVE", *options, "127.0.0.1", str(node.port), *map(str, files)]
    done = subprocess.run(command, check=False, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def digest_of_dataset(data: bytes) -> str:
    return hashlib.sha256(dataset_of(data)[3]).hexdigest()


def file_of(name: str) -> Path:
    return next(iter(SHIPPED.parent.rglob(name)))


def test_echo(node: Node) -> None:
    assert "Success" in run(node, "echoscu", "-v")


def test_store_find_and_bit_preserving_get(node: Node, archive: Archive, tmp_path: Path) -> None:
    run(node, "storescu", files=tuple(map(file_of, NATIVE)))
    for name, option in COMPRESSED.items():
        run(node, "storescu", option, files=(file_of(name),))
    assert archive.stats().instances == len(NATIVE) + len(COMPRESSED)
    for result in archive.compress():
        assert result.error == ""
    listed = run(node, "findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientName")
    assert listed.count("(Pending)") == archive.stats().studies
    got = 0
    for record in everything(archive.catalog):
        out = tmp_path / record.uid
        out.mkdir()
        keys: tuple[str, ...] = ("-k", "QueryRetrieveLevel=IMAGE", "-k", f"SOPInstanceUID={record.uid}")
        keys += ("-k", f"StudyInstanceUID={record.study_uid}", "-k", f"SeriesInstanceUID={record.series_uid}")
        prefer = {"1.2.840.10008.1.2.4.81": "+xu", "1.2.840.10008.1.2.4.90": "+xv", "1.2.840.10008.1.2.4.70": "+xs"}
        option = prefer.get(record.transfer_syntax, "+xe" if record.transfer_syntax.endswith("1.2.1") else "+xi")
        run(node, "getscu", "+B", "-S", option, "-od", str(out), *keys)
        (file,) = out.iterdir()
        assert digest_of_dataset(file.read_bytes()) == record.dataset_sha256
        got += 1
    assert got == len(NATIVE) + len(COMPRESSED)


def test_wildcards_ranges_and_levels(node: Node, archive: Archive) -> None:
    run(node, "storescu", files=tuple(map(file_of, NATIVE)))
    by_name = run(
        node, "findscu", "-P", "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientName=compressed*", "-k", "PatientID"
    )
    assert by_name.count("(Pending)") == 2
    by_date = run(node, "findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyDate=20040101-20041231")
    assert by_date.count("(Pending)") == 2, "CT_small and MR_small are of 2004"


def test_move_to_a_bit_preserving_receiver(node: Node, archive: Archive, tmp_path: Path) -> None:
    for number in range(1, 4):
        (tmp_path / f"{number}.dcm").write_bytes(ct(number))
    run(node, "storescu", files=tuple(tmp_path.glob("*.dcm")))
    list(archive.compress())
    out = tmp_path / "out"
    out.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    receiver = subprocess.Popen([BIN / "storescp", "+B", "-od", out, "-aet", "DEST", str(port)], env=ENVIRONMENT)
    try:
        with_destination(archive, port)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3.1")
        assert "Success" in run(node, "movescu", "-v", "-S", "-aem", "DEST", *keys)
    finally:
        receiver.terminate()
        receiver.wait(10)
    received = {digest_of_dataset(file.read_bytes()) for file in out.iterdir()}
    assert received == {record.dataset_sha256 for record in everything(archive.catalog)}
    assert len(received) == 3


def test_what_was_stored_is_what_the_sender_put_on_the_wire(node: Node, archive: Archive, tmp_path: Path) -> None:
    """storescu without changes to the data set: the file's own bytes."""
    file = tmp_path / "one.dcm"
    file.write_bytes(ct())
    run(node, "storescu", files=(file,))
    with archive.load("1.2.3.1.1.1") as stream:
        skip_meta(stream)
        assert stream.read() == dataset_of(ct())[3]

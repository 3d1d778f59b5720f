"""medarchive serve, as a process: ready line, peers, jobs behind, and a graceful end."""

import json
import os
import queue
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage
from pynetdicom import AE, evt
from pynetdicom.sop_class import StorageCommitmentPushModel, StorageCommitmentPushModelInstance

from contracts.objects import ct
from contracts.processes import MEDARCHIVE, children, gone, serving, wait_until
from medarchive.settings import Settings

QUICK = {**os.environ, "TCP_NODELAY": "1"}
Serve = Callable[..., tuple["subprocess.Popen[str]", int]]


@pytest.fixture(autouse=True)
def _no_waiting_for_series_to_go_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDARCHIVE_QUIET", "0")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts ``medarchive serve`` on a free port and waits for its ready line."""
    with serving(tmp_path) as begin:

        def start(*options: str) -> tuple["subprocess.Popen[str]", int]:
            node = begin("--no-web", *options)
            assert node.stdout is not None
            line = node.stdout.readline()
            match = re.fullmatch(r"(\S+) listens on 127\.0\.0\.1:(\d+), archive (.+)\n", line)
            assert match is not None, line + (tmp_path / "log").read_text()
            assert match[3] == str(tmp_path / "archive")
            return node, int(match[2])

        yield start


def dcmtk_started(tool: str, port: int, *arguments: str, called: str = "MEDARCHIVE") -> "subprocess.Popen[bytes]":
    command = [f"/usr/bin/{tool}", "-aec", called, *arguments[:-1], "127.0.0.1", str(port), *arguments[-1:]]
    return subprocess.Popen([part for part in command if part], env=QUICK)


def dcmtk(tool: str, port: int, *arguments: str, called: str = "MEDARCHIVE") -> int:
    return dcmtk_started(tool, port, *arguments, called=called).wait(60)


def ask(tmp_path: Path, *arguments: str) -> Any:
    command = [*MEDARCHIVE, "--archive", str(tmp_path / "archive"), *arguments, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_what_is_pushed_is_compressed_behind_and_the_end_is_graceful(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(ct(1, size=64))
    node, port = serve("--any-peer")
    beside = children(node.pid)
    assert beside
    assert dcmtk("storescu", port, str(tmp_path / "one.dcm")) == 0
    wait_until(lambda: ask(tmp_path, "find", "--level", "instance")[0]["state"] == "kept")
    (instance,) = ask(tmp_path, "find", "--level", "instance")
    assert instance["stored_bytes"] < instance["size"]
    assert instance["source"] == "STORESCU"
    node.send_signal(signal.SIGTERM)
    assert node.wait(30) == 0
    assert all(map(gone, beside))
    assert (tmp_path / "log").read_text() == ""


def test_ctrl_c_is_as_graceful(serve: Serve) -> None:
    node, _ = serve("--any-peer", "--no-jobs")
    assert len(children(node.pid)) == Settings().node_processes - 1
    node.send_signal(signal.SIGINT)
    assert node.wait(30) == 0


def test_strangers_are_turned_away_and_peers_are_not(serve: Serve, tmp_path: Path) -> None:
    _, port = serve("--no-jobs", "--peer", "CT1=127.0.0.1:104", "--peer", "CT2=127.0.0.1:104", "--ae-title", "OURS")
    assert dcmtk("echoscu", port, "-aet", "CT2", "", called="OURS") == 0
    assert dcmtk("echoscu", port, "-aet", "STRANGER", "", called="OURS") != 0
    assert dcmtk("echoscu", port, "-aet", "CT1", "", called="OTHERS") != 0
    assert "STRANGER" in (tmp_path / "log").read_text()


def test_a_node_that_nobody_may_talk_to_says_so(serve: Serve, tmp_path: Path) -> None:
    _, port = serve("--no-jobs")
    assert dcmtk("echoscu", port, "") != 0
    assert "no peers are known" in (tmp_path / "log").read_text()


def test_a_settings_file_says_who_may_connect(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('ae_title = "FILED"\npeers = ["CT1=127.0.0.1:104"]\n')
    _, port = serve("--no-jobs", "--settings", str(tmp_path / "settings.toml"))
    assert dcmtk("echoscu", port, "-aet", "CT1", "", called="FILED") == 0
    assert dcmtk("echoscu", port, "-aet", "CT2", "", called="FILED") != 0


def test_the_processes_beside_a_node_that_is_killed_end(serve: Serve) -> None:
    node, _ = serve("--any-peer")
    beside = children(node.pid)
    assert len(beside) == Settings().node_processes
    node.kill()
    node.wait(30)
    wait_until(lambda: all(map(gone, beside)))


def test_a_node_of_several_processes_is_one_archive(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDARCHIVE_NODE_PROCESSES", "3")
    node, port = serve("--any-peer", "--no-jobs")
    assert len(children(node.pid)) == 2
    files = [tmp_path / f"{number}.dcm" for number in range(1, 13)]
    for number, file in enumerate(files, 1):
        file.write_bytes(ct(number, size=16))
    senders = [dcmtk_started("storescu", port, str(file)) for file in files]
    assert [sender.wait(60) for sender in senders] == [0] * 12
    assert len(ask(tmp_path, "find", "--level", "instance")) == 12
    first, second = children(node.pid)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: gone(first))
    assert dcmtk("echoscu", port, "") == 0
    assert not gone(second)


def test_a_modality_hears_that_the_archive_answers_for_its_images(serve: Serve, tmp_path: Path) -> None:
    """Stored, asked for, proven by the jobs process, and reported to the peer's own address by the node."""
    heard: queue.Queue[tuple[int, Dataset]] = queue.Queue()

    def hear(event: evt.Event) -> tuple[int, None]:
        heard.put((event.request.EventTypeID, event.event_information))
        return 0, None

    modality = AE(ae_title="CT1")
    modality.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    listening = modality.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, hear)])
    _, port = serve("--peer", f"CT1=127.0.0.1:{listening.server_address[1]}")
    (tmp_path / "one.dcm").write_bytes(ct(1))
    assert dcmtk("storescu", port, "-aet", "CT1", str(tmp_path / "one.dcm")) == 0
    asked, item = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, "1.2.3.1.1.1"
    asked.TransactionUID, asked.ReferencedSOPSequence = "1.2.9", [item]
    modality.add_requested_context(StorageCommitmentPushModel)
    association = modality.associate("127.0.0.1", port, ae_title="MEDARCHIVE")
    status, _ = association.send_n_action(asked, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    assert status.Status == 0
    association.release()
    kind, event = heard.get(timeout=30)
    assert (kind, event.TransactionUID) == (1, "1.2.9")
    assert [each.ReferencedSOPInstanceUID for each in event.ReferencedSOPSequence] == ["1.2.3.1.1.1"]
    wait_until(lambda: [each["state"] for each in ask(tmp_path, "commitments")] == ["reported"])
    listening.shutdown()


def test_a_port_that_is_taken_is_one_line(serve: Serve, tmp_path: Path) -> None:
    _, port = serve("--no-jobs")
    command = [*MEDARCHIVE, "serve", "--archive", str(tmp_path / "other"), "--no-web", "--port", str(port)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 11
    assert ended.stderr == f"medarchive: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_jobs_run_works_until_told_to_stop(tmp_path: Path) -> None:
    (tmp_path / "one.dcm").write_bytes(ct(1))
    assert ask(tmp_path, "ingest", str(tmp_path / "one.dcm"), "--later")["stored"] == 1
    assert len(ask(tmp_path, "jobs")) == 1
    worker = subprocess.Popen([*MEDARCHIVE, "jobs", "--run", "--archive", str(tmp_path / "archive")])
    wait_until(lambda: ask(tmp_path, "jobs") == [])
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0

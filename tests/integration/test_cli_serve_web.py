"""medarchive serve with the web: by default, alone, under a prefix, with TLS, started again, gone with its parent."""

import datetime as dt
import ipaddress
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from contracts.processes import MEDARCHIVE, children, gone, serving, wait_until

Serve = Callable[..., tuple["subprocess.Popen[str]", list[str]]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts ``medarchive serve``, and waits for so many lines."""
    with serving(tmp_path) as begin:

        def start(*options: str, lines: int = 1) -> tuple["subprocess.Popen[str]", list[str]]:
            node = begin(*options)
            assert node.stdout is not None
            return node, [node.stdout.readline().rstrip("\n") for _ in range(lines)]

        yield start


def address(line: str) -> str:
    match = re.fullmatch(r"the web is on (https?://127\.0\.0\.1:\d+/\S*)", line)
    assert match is not None, line
    return match[1]


def test_node_jobs_and_web_run_together_and_end_together(serve: Serve, tmp_path: Path) -> None:
    node, (first, second) = serve("--any-peer", "--web-port", "0", lines=2)
    assert first.startswith("MEDARCHIVE listens on 127.0.0.1:")
    assert httpx.get(address(second) + "health").json() == {"status": "ok"}
    assert "Log in" in httpx.get(address(second)).text
    beside = children(node.pid)
    node.send_signal(signal.SIGTERM)
    assert node.wait(40) == 0
    assert all(map(gone, beside))
    assert (tmp_path / "log").read_text() == ""


def test_the_web_alone_is_started_again_on_the_same_port(serve: Serve, tmp_path: Path) -> None:
    node, (line,) = serve("--no-node", "--no-jobs", "--web-port", "0")
    where = address(line)
    (web,) = children(node.pid)
    time.sleep(11)  # it is started again once in ten seconds at most
    os.kill(web, signal.SIGKILL)
    wait_until(lambda: gone(web), 40)
    assert httpx.get(where + "health", timeout=60).json() == {"status": "ok"}  # it waits in the line meanwhile
    assert "web ended with -9; starting another" in (tmp_path / "log").read_text()
    node.kill()
    node.wait(30)
    wait_until(lambda: not _answers(where), 40)


def _answers(where: str) -> bool:
    try:
        return httpx.get(where + "health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_jobs_alone_open_no_port(serve: Serve) -> None:
    node, _ = serve("--no-node", "--no-web", lines=0)
    wait_until(lambda: len(children(node.pid)) == 1, 40)
    node.send_signal(signal.SIGINT)
    assert node.wait(40) == 0


def test_nothing_to_run_is_told(tmp_path: Path) -> None:
    command = [*MEDARCHIVE, "--archive", str(tmp_path), "serve", "--no-node", "--no-web", "--no-jobs"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 11
    assert ended.stderr == "medarchive: serve: neither node nor jobs nor web is to be run\n"


def test_a_taken_port_is_the_end_where_nothing_else_is_to_be_run(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = ("--no-node", "--no-jobs", "--web-port", str(taken.getsockname()[1]))
        command = [*MEDARCHIVE, "--archive", str(tmp_path), "serve", *options]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 11
    assert "Address already in use" in ended.stderr


def test_a_taken_port_leaves_the_node_running_unless_the_web_is_wanted(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        node, (line,) = serve("--any-peer", "--no-jobs", "--web-port", port)
        assert "listens on" in line
        log = (tmp_path / "log").read_text()
        assert log.startswith(f"the web cannot listen on 127.0.0.1:{port}: Address already in use; ")
        node.terminate()
        assert node.wait(40) == 0
        monkeypatch.setenv("MEDARCHIVE_WEB", "true")
        wanted, _ = serve("--any-peer", "--no-jobs", "--web-port", port, lines=0)
        assert wanted.wait(60) == 11


@pytest.mark.parametrize("stripped", [True, False])
def test_everything_lies_below_a_prefix(serve: Serve, stripped: bool) -> None:
    """A proxy may strip the prefix from the path, or leave it in."""
    _, (line,) = serve("--no-node", "--no-jobs", "--web-port", "0", "--web-prefix", "/archive")
    where = address(line)
    assert where.endswith("/archive/")
    root = where.removesuffix("/archive/") if stripped else where.removesuffix("/")
    page = httpx.get(root + "/").text
    assert set(re.findall(r'(?:href|src|action)="(/[^/"]*)', page)) == {"/archive"}
    sheet = re.search(r'href="/archive(/static/[^"]+\.css)"', page)
    assert sheet is not None
    assert httpx.get(root + sheet[1]).headers["content-type"].startswith("text/css")
    login = httpx.get(root + "/studies/")
    assert (login.status_code, login.headers["location"]) == (302, "/archive/accounts/login/?next=/archive/studies/")
    form = httpx.get(root + "/accounts/login/")
    assert "Path=/archive" in form.headers["set-cookie"]
    assert httpx.post(root + "/dicom-web/studies").status_code == 401
    assert httpx.get(where.removesuffix("/archive/") + "/archives/").status_code == 404


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "archive")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return chain, secret


def test_ohif_is_served_beside_on_a_port_of_its_own(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dist = tmp_path / "ohif" / "package" / "dist"
    dist.mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>viewer</title>")
    (dist / "app-config.js").write_text("window.config = {}")
    monkeypatch.setenv("MEDARCHIVE_WEB_OHIF_PORT", "0")
    options = ("--no-node", "--no-jobs", "--web-port", "0", "--ohif", str(tmp_path / "ohif"))
    node, (line, viewer) = serve(*options, lines=2)
    match = re.fullmatch(r"OHIF is on (http://127\.0\.0\.1:\d+)/", viewer)
    assert match is not None, viewer
    assert httpx.get(match[1]).headers["location"] == address(line) + "accounts/login/"
    assert "qidoRoot" in httpx.get(match[1] + "/app-config.js").text
    assert httpx.get(match[1] + "/dicom-web/studies/1").status_code in (401, 404)
    assert httpx.post(match[1] + "/dicom-web/studies").status_code == 405
    node.terminate()
    assert node.wait(40) == 0


def test_tls(serve: Serve, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path)
    options = ("--no-node", "--no-jobs", "--web-port", "0", "--web-certificate", str(chain), "--web-key", str(key))
    _, (line,) = serve(*options)
    where = address(line)
    assert where.startswith("https://")

    answer = httpx.get(where + "accounts/login/", verify=ssl.create_default_context(cafile=str(chain)))
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "Secure" in answer.headers["set-cookie"]
    with pytest.raises(httpx.HTTPError):
        httpx.get(where.replace("https", "http"))


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    both = ["--web-certificate", str(tmp_path / "x.pem"), "--web-key", str(tmp_path / "x.pem")]
    command = [
        *MEDARCHIVE,
        "--archive",
        str(tmp_path / "a"),
        "serve",
        "--no-node",
        "--no-jobs",
        "--web-port",
        "0",
        *both,
    ]
    environment = {**os.environ, "MEDARCHIVE_WEB": "true"}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    assert ended.returncode == 11
    assert "web_certificate" in ended.stderr


def test_metrics_and_health_are_for_machines(serve: Serve) -> None:
    _, (line,) = serve("--no-node", "--no-jobs", "--web-port", "0")
    where = address(line)
    assert json.loads(httpx.get(where + "health").text) == {"status": "ok"}
    assert httpx.get(where + "metrics").status_code == 401

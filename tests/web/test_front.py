"""What stands before Django: limits, headers, static files, bodies off the wire."""

import http.client
import io
import re
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from contracts.objects import ct
from medarchive.archive.archive import Archive
from medarchive.web.front import front
from medarchive.web.front.rates import Rate, network
from web.live import running


@pytest.fixture
def live(archive: Archive) -> Iterator[str]:
    with running(archive) as address:
        yield address


@pytest.fixture
def client(live: str, member: Any) -> Iterator[httpx.Client]:
    """A browser that is logged in as a clinician, on the wire."""
    cookie = member.browser("clinician").cookies["medarchive"].value
    with httpx.Client(base_url=live, cookies={"medarchive": cookie}) as client:
        page = client.get("/upload/")
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        assert page.status_code == 200
        yield client


def related(*contents: bytes) -> bytes:
    return b"".join(b"\r\n--b\r\nContent-Type: application/dicom\r\n\r\n" + one for one in contents) + b"\r\n--b--"


RELATED = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}


def test_a_server_says_when_it_has_ended(archive: Archive) -> None:
    from medarchive.web.application import Server

    server = Server(archive)
    before = server.running
    assert httpx.get(f"http://127.0.0.1:{server.port}/").status_code == 200
    server._servers[0][0].should_exit = True
    server._thread.join(10)
    after = server.running
    server.stop(1)
    assert (before, after) == (True, False)


@pytest.mark.parametrize("path", ["/", "/studies/", "/nowhere", "/static/nothing.css", "/health", "/dicom-web/studies"])
def test_every_answer_makes_browsers_careful(live: str, path: str) -> None:
    answer = httpx.get(live + path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "permissions-policy" in answer.headers
    assert "strict-transport-security" not in answer.headers
    assert "server" not in answer.headers
    names = [name for name, _ in answer.headers.raw]
    assert len(set(names)) == len(names)


def test_static_files_have_an_address_that_changes_with_them(live: str) -> None:
    page = httpx.get(live).text
    found = re.search(r'href="(/static/[0-9a-f]{12}/web/style\.css)"', page)
    assert found is not None
    kept = httpx.get(live + found[1])
    assert (kept.status_code, kept.headers["content-type"]) == (200, 'text/css; charset="utf-8"')
    assert "immutable" in kept.headers["cache-control"]
    plain = httpx.get(live + "/static/web/style.css")
    assert plain.content == kept.content
    assert plain.headers["cache-control"] == "max-age=0, public"
    again = httpx.get(live + "/static/web/style.css", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    older = httpx.get(live + "/static/0123456789ab/web/style.css")
    assert (older.content, older.headers["cache-control"]) == (kept.content, "max-age=0, public")
    assert httpx.head(live + found[1]).headers["content-length"] == str(len(kept.content))
    assert httpx.post(live + found[1]).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/static/../web/gate.py",
        "/static/web/../../gate.py",
        "/static/%2e%2e/gate.py",
        "/static//etc/passwd",
        "/static/",
    ],
)
def test_nothing_beside_static_files_is_served(live: str, path: str) -> None:
    address = urlsplit(live)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request("GET", path)  # httpx would tidy the path up
    assert connection.getresponse().status == 404
    connection.close()


def test_a_body_is_refused_by_its_announced_size(live: str) -> None:
    answer = httpx.post(live + "/accounts/login/", content=b"x" * 3_000_000)
    assert (answer.status_code, "2621440 bytes" in answer.text) == (413, True)


def chunked(data: bytes, size: int = 100_000) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def test_a_body_without_a_size_is_counted(live: str) -> None:
    assert httpx.post(live + "/accounts/login/", content=chunked(bytes(3_000_000))).status_code == 413


@pytest.mark.parametrize("announced", [True, False])
def test_an_upload_may_be_larger_but_not_without_end(archive: Archive, member: Any, announced: bool) -> None:
    cookie = member.browser("clinician").cookies["medarchive"].value
    with running(archive, web_upload_bytes=200_000) as live, httpx.Client(base_url=live) as client:
        client.cookies["medarchive"] = cookie
        client.get("/upload/")
        client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
        body = related(*(ct(number, size=100) for number in range(1, 30)))
        content = body if announced else chunked(body)
        too_much = client.post("/dicom-web/studies", content=content, headers=RELATED)
        assert too_much.status_code == (413 if announced else 202)  # what came whole before that is stored
        with_form = client.post("/upload/", files=[("files", ("a", body))], headers={"Accept": "application/json"})
        assert with_form.status_code == 413
        assert client.post("/dicom-web/studies", content=related(ct(99)), headers=RELATED).status_code == 200


def test_a_stranger_may_not_send_much_whatever_he_calls_it(live: str, archive: Archive) -> None:
    assert httpx.post(live + "/dicom-web/studies", content=bytes(3_000_000), headers=RELATED).status_code == 413
    answer = httpx.post(live + "/dicom-web/studies", content=related(ct(1)), headers=RELATED)
    assert answer.status_code == 401
    files = [("files", ("a", bytes(3_000_000)))]
    forged = httpx.post(live + "/accounts/login/", files=files, cookies={"medarchive": "made-up"})
    assert forged.status_code == 403  # read to its end and kept nowhere
    assert list(archive.incoming().iterdir()) == []


def test_objects_come_in_over_the_wire(client: httpx.Client, archive: Archive) -> None:
    files = [ct(number, size=200) for number in range(1, 40)]
    answer = client.post("/dicom-web/studies", content=chunked(related(*files), 777), headers=RELATED)
    assert answer.status_code == 200
    with archive.load("1.2.3.1.1.39") as kept:
        assert kept.read() == files[-1]


def test_a_form_comes_in_over_the_wire(client: httpx.Client, archive: Archive) -> None:
    files = [("files", (f"{number}", ct(number, size=300))) for number in range(1, 20)]
    answer = client.post("/upload/", files=files, headers={"Accept": "application/json"})
    assert [one["result"] for one in answer.json()["objects"]] == ["stored"] * 19
    with archive.load("1.2.3.1.1.7") as kept:
        assert kept.read() == ct(7, size=300)


def test_a_client_that_hangs_up_costs_what_it_did_not_finish(client: httpx.Client, live: str, archive: Archive) -> None:
    address = urlsplit(live)
    body = related(ct(1, size=500), ct(2, size=500))
    head = (
        f"POST /dicom-web/studies HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: {RELATED['Content-Type']}\r\nX-CSRFToken: {client.headers['X-CSRFToken']}\r\n"
        f"Cookie: {client.build_request('GET', '/').headers['cookie']}\r\n\r\n"
    )
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(head.encode() + body[:-1000])
        time.sleep(0.3)
    deadline = time.monotonic() + 10
    while archive.stats().instances < 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert archive.stats().instances == 1
    assert client.get("/health").json() == {"status": "ok"}


@pytest.mark.parametrize("length", ["abc", "-1", "1" * 40])
def test_a_length_that_is_none_is_refused(live: str, length: str) -> None:
    address = urlsplit(live)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert connection.recv(100).split()[1] == b"400"


def test_a_proxy_that_is_known_is_believed_and_no_other(archive: Archive) -> None:
    said = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    with running(archive, web_proxies=("127.0.0.1",)) as live:
        answer = httpx.get(live + "/accounts/login/", headers=said)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
    with running(archive, web_proxies=("192.0.2.1",)) as live:
        assert "strict-transport-security" not in httpx.get(live + "/accounts/login/", headers=said).headers


def test_strangers_who_ask_too_often_are_told_to_wait(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "_STRANGERS", (1, 20))
    with running(archive) as live, httpx.Client(base_url=live) as client:
        answers = [client.get("/health") for _ in range(25)]
        assert client.get("/static/web/style.css").status_code == 200
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 5
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_rates_fill_up_again() -> None:
    clock = [0.0]
    rate = Rate(a_minute=60, at_once=3, now=lambda: clock[0])
    for _ in range(3):
        assert rate.wait("a") == 0
        rate.count("a")
    assert rate.wait("a") == pytest.approx(1)
    assert rate.wait("b") == 0
    clock[0] = 1.0
    assert rate.wait("a") == 0
    assert network("2001:db8::1") == network("2001:db8::ffff") != network("2001:db8:0:1::1")
    assert network("192.0.2.1") != network("192.0.2.2")


def test_health_says_nothing_of_patients_and_metrics_only_to_who_operates(
    client: httpx.Client, member: Any, live: str, archive: Archive
) -> None:
    archive.store(io.BytesIO(ct(1)))
    assert httpx.get(live + "/health").json() == {"status": "ok"}
    assert httpx.get(live + "/metrics").status_code == 401
    assert client.get("/metrics").status_code == 403
    cookie = member.browser("archivist").cookies["medarchive"].value
    text = httpx.get(live + "/metrics", cookies={"medarchive": cookie}).text
    assert 'medarchive_entities{level="instances"} 1' in text
    assert 'medarchive_bytes_in{modality="CT",codec="waiting"}' in text
    assert re.search(r'medarchive_web_answers_total\{status="200"\} \d+', text)
    assert all(re.fullmatch(r"# (HELP|TYPE) .+|medarchive_\w+(\{.*\})? \d+", line) for line in text.splitlines())

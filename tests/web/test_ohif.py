"""The port of the OHIF viewer: its files, our configuration, DICOMweb for reading, and nothing else."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from medarchive.errors import SettingsError
from medarchive.web.ohif import Ohif, built


async def dicomweb(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.fixture
def package(tmp_path: Path) -> Path:
    dist = tmp_path / "package" / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>viewer</title>")
    (dist / "app-config.js").write_text("window.config = {}")
    (dist / "assets" / "a.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path


@pytest.fixture
def ask(package: Path) -> Any:
    application = Ohif(package, dicomweb, cookie="medarchive", login=lambda host: f"http://{host}:8080/accounts/login/")

    def asked(path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(application)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8081") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(run())

    return asked


def test_the_package_is_found_in_any_of_its_folders(package: Path) -> None:
    dist = package / "package" / "dist"
    assert built(package) == built(package / "package") == built(dist) == dist
    with pytest.raises(SettingsError, match="npm pack"):
        built(dist / "assets")


def test_a_stranger_is_sent_to_the_login(ask: Any) -> None:
    for path in ("/", "/viewer?StudyInstanceUIDs=1.2.3"):
        assert ask(path).headers["Location"] == "http://localhost:8080/accounts/login/"


def test_every_address_of_the_application_is_its_page(ask: Any) -> None:
    for path in ("/", "/viewer?StudyInstanceUIDs=1.2.3", "/segmentation"):
        answer = ask(path, cookie="medarchive=abc")
        assert (answer.status_code, "viewer" in answer.text) == (200, True)
        assert "'unsafe-eval'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"


def test_its_files_and_our_configuration(ask: Any) -> None:
    assert ask("/assets/a.js").text == "1"
    assert ask("/assets/none.js").status_code == 404
    configuration = json.loads(ask("/app-config.js").text.removeprefix("window.config = ").rstrip(";\n"))
    assert configuration["dataSources"][0]["configuration"]["wadoRoot"] == "/dicom-web"


def test_dicomweb_is_for_reading(ask: Any) -> None:
    assert ask("/dicom-web/studies").text == "/dicom-web/studies"
    assert "Content-Security-Policy" not in ask("/dicom-web/studies").headers
    for method in ("POST", "PUT", "DELETE"):
        assert ask("/dicom-web/studies", method).status_code == 405


def test_no_path_leads_out_of_the_folder(ask: Any) -> None:
    for path in ("/../../secret.txt", "/%2e%2e/%2e%2e/secret.txt", "/assets/..%2f..%2f..%2fsecret.txt"):
        answer = ask(path, cookie="medarchive=abc")
        assert "secret" not in answer.text
        assert answer.status_code in (200, 404)


def test_a_broken_cookie_is_none(ask: Any) -> None:
    assert ask("/", cookie="=;;;\x00").status_code == 302

"""OHIF: the viewer of the Open Health Imaging Foundation, served from its npm package, over our DICOMweb.

Its build evaluates code and wants the root of its origin. So it has a port of its own, with a content security policy
of its own, and beside its files that port has DICOMweb for reading, and nothing else. A login counts on both ports.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from medarchive.errors import SettingsError

__all__ = ["Ohif", "built"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_READING = ("GET", "HEAD", "OPTIONS")
_ROOT = "/dicom-web"
_CONFIGURATION = {
    "routerBasename": "/",
    "extensions": [],
    "modes": [],
    "showStudyList": True,
    "maxNumberOfWebWorkers": 3,
    "showLoadingIndicator": True,
    "strictZSpacingForVolumeViewport": True,
    "investigationalUseDialog": {"option": "always"},
    "defaultDataSourceName": "medarchive",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "medarchive",
            "configuration": {
                "friendlyName": "medarchive",
                "name": "medarchive",
                "qidoRoot": _ROOT,
                "wadoRoot": _ROOT,
                "wadoUriRoot": _ROOT,
                "qidoSupportsIncludeField": True,
                "supportsReject": False,
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "enableStudyLazyLoad": True,
                "supportsFuzzyMatching": True,
                "supportsWildcard": True,
                "dicomUploadEnabled": False,
                "omitQuotationForMultipartRequest": True,
                "bulkDataURI": {"enabled": True},
            },
        }
    ],
}


def built(folder: Path) -> Path:
    """Where the files of the viewer are, in the unpacked npm package ``@ohif/app`` or in what is inside it.

    Raises:
        SettingsError: they are not there.
    """
    for found in (
        folder,
        folder / "dist",
        folder / "package" / "dist",
        folder / "node_modules" / "@ohif" / "app" / "dist",
    ):
        if (found / "index.html").is_file() and (found / "app-config.js").is_file():
            return found
    raise SettingsError(f"{folder}: no OHIF here; `npm pack @ohif/app`, unpack what it fetched, and name that folder")


class Ohif:
    """The ASGI application of the viewer's port."""

    def __init__(self, folder: Path, dicomweb: Application, *, cookie: str, login: Callable[[str], str]) -> None:
        """Serve a viewer.

        Args:
            folder: see ``built``.
            dicomweb: the application that answers below ``/dicom-web``.
            cookie: the name of the session's cookie: without it a browser is sent to log in.
            login: the address of the login, for the name of the host that was asked.
        """
        self._folder = built(folder)
        self._files = StaticFiles(directory=self._folder)
        self._dicomweb, self._cookie, self._login = dicomweb, cookie, login
        self._configuration = f"window.config = {json.dumps(_CONFIGURATION)};\n"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == _ROOT or path.startswith(f"{_ROOT}/"):
            if scope["method"] in _READING:
                await self._dicomweb(scope, receive, send)
            else:
                await PlainTextResponse("only for reading", 405)(scope, receive, send)
            return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self._answer(scope)(scope, receive, with_headers)

    def _answer(self, scope: Scope) -> Application | Response:
        path = scope["path"]
        if path == "/app-config.js":
            return Response(self._configuration, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
        if "." in path.rpartition("/")[2]:
            return self._file
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if self._cookie not in _cookies(headers.get("cookie", "")):
            return RedirectResponse(self._login(headers.get("host", "").rpartition(":")[0] or "localhost"), 302)
        return FileResponse(self._folder / "index.html", headers={"Cache-Control": "no-cache"})

    async def _file(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._files(scope, receive, send)
        except HTTPException as error:
            await PlainTextResponse(error.detail, error.status_code)(scope, receive, send)


def _cookies(text: str) -> SimpleCookie:
    try:
        return SimpleCookie(text)
    except CookieError:
        return SimpleCookie()

"""Handler: Django's, over bodies that are read as they come, with one thread for all of a request.

Django's own changes threads at each middleware that is not written for asyncio, which cost more than the answer.
"""

import asyncio
import contextlib
import contextvars
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.urls import get_resolver, set_script_prefix

from medarchive.web.front.body import Body

__all__ = ["Handler"]

_THREADS = 128
"""Requests that are worked on at once; uploads that keep a thread are limited to half of it."""
_SOON = 0.05
"""Seconds after which it is worth while to see whether the client is still there."""


class Handler(ASGIHandler):
    """Django's own writes every body to a temporary file before it looks who sends it."""

    chunk_size = 1 << 20

    def __init__(self) -> None:
        """Load the middleware, for use in threads."""
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        check = get_resolver().url_patterns  # loads all views now, and not while somebody waits for the first page
        assert check
        self._threads = ThreadPoolExecutor(_THREADS, "medarchive-request")

    async def read_body(self, receive: Any) -> Body:
        """The body itself: see ``Body``, which ``receive`` is."""
        assert isinstance(receive, Body)
        return receive

    async def handle(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer a request, for as long as its client waits for that."""
        body = await self.read_body(receive)
        set_script_prefix(get_script_prefix(scope))
        request, refusal = self.create_request(scope, body)
        if request is None:
            await self.send_response(refusal, send)
            refusal.close()
            return
        answering = asyncio.ensure_future(self._answer(request, send))
        watched = {answering}
        try:
            await asyncio.wait(watched, timeout=_SOON)
            if not answering.done():
                watched.add(asyncio.ensure_future(receive()))
                await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in watched:
                each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answering

    async def _answer(self, request: Any, send: Any) -> None:
        context = contextvars.copy_context()
        working = self._threads.submit(context.run, self._work, request)
        try:
            response = await asyncio.wrap_future(working)
        except asyncio.CancelledError:
            working.add_done_callback(_forgotten)
            raise
        response._handler_class = type(self)  # noqa: SLF001  # as Django's own does
        try:
            await self.send_response(response, send)
        finally:
            response.close()

    def _work(self, request: Any) -> Any:
        """The answer; what the thread's last request left of connections to databases is looked after first."""
        close_old_connections()
        set_script_prefix(request.script_name or "/")  # it belongs to a thread
        return self.get_response(request)


def _forgotten(working: "Future[Any]") -> None:
    """Let an answer go that nobody waits for any more."""
    if not working.cancelled() and working.exception() is None:
        working.result().close()

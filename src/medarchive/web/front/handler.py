"""Handler: Django's, over bodies that are read as they come."""

from typing import Any

from django.core.handlers.asgi import ASGIHandler

from medarchive.web.front.body import Body

__all__ = ["Handler"]


class Handler(ASGIHandler):
    """Django's own writes every body to a temporary file before it looks who sends it."""

    async def read_body(self, receive: Any) -> Body:
        """The body itself: see ``Body``, which ``receive`` is."""
        assert isinstance(receive, Body)
        return receive

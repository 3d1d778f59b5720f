"""Methods: one address, two views: one that reads, one that takes in."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

__all__ = ["by_method"]

View = Callable[..., HttpResponse]


def by_method(reading: View, storing: View) -> View:
    """A view that hands POST to ``storing`` and everything else to ``reading``. The gate asks what each of them asks.

    Args:
        reading: takes what the address says.
        storing: takes ``study``, where there is one.
    """

    def view(request: HttpRequest, **named: Any) -> HttpResponse:
        if request.method == "POST":
            return storing(request, **{name: value for name, value in named.items() if name == "study"})
        return reading(request, **named)

    view.needs, view.program = reading.needs, True  # type: ignore[attr-defined]
    view.reads = False  # type: ignore[attr-defined]
    view.by_method = {"POST": storing}  # type: ignore[attr-defined]
    return view

"""Progress of long work: how far, how quick, how much longer. Drawn on stderr, and only on a terminal."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["followed"]

T = TypeVar("T")


def followed(work: Iterable[T], what: str, total: int | None) -> Iterator[T]:
    """Hand the results of some work on, and draw how it goes on.

    Args:
        work: yields a result for each step.
        what: is being done.
        total: steps, where that is known.
    """
    if not sys.stderr.isatty():
        yield from work
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f}/s" if speed else "-/s")

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        yield from progress.track(work, total, description=what)

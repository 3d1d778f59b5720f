"""Reader: all networks together. What is it; if a network was trained for it, what does that see there."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from medarchive.errors import SettingsError
from medarchive.insight.classifier import TASK_OF, abnormality, answers, pictured, pooled, verdict
from medarchive.insight.gates import obstacle, shown
from medarchive.insight.models import WEIGHTS, Network, shipped
from medarchive.insight.picture import square
from medarchive.insight.reading import LABELS, ModelId, Reading, SeriesReading, can_read, not_read
from medarchive.insight.router import Route, Router
from medarchive.view import Evidence, View

__all__ = ["Reader"]

_NO_EVIDENCE = Evidence()
_AT_ONCE = 32


class Reader:
    """Reads images with the networks that are there; a task whose network is absent is not offered.

    Example:
        >>> from medarchive.insight.reader import Reader
        >>> Reader.open().read([view]).pooled.finding  # doctest: +SKIP
        'glioma'
    """

    def __init__(self, models: Iterable[Network]) -> None:
        """Take networks, one of which is named ``router``.

        Raises:
            SettingsError: none is.
        """
        self._models = {model.id.name: model for model in models}
        if "router" not in self._models:
            raise SettingsError("no weights of the router: images cannot be read; install medarchive anew")
        self._router = Router(self._models["router"])

    @classmethod
    def open(cls, folder: Path = WEIGHTS, threads: int = 2) -> Self:
        """Take the networks of a folder, those shipped otherwise. Each is loaded when it is first needed.

        Args:
            folder: with pairs of ``NAME.onnx`` and ``NAME.json``.
            threads: that each network may run on.

        Raises:
            SettingsError: there is no router, a file beside a network does not describe it, or onnxruntime is not
                installed.
            CorruptStream: a network is not the one that is described.
        """
        reader = cls(shipped(folder, threads))
        if not can_read():
            raise SettingsError("reading images needs onnxruntime: pip install 'medarchive[insight]'")
        return reader

    @property
    def models(self) -> tuple[ModelId, ...]:
        """Its networks, by name."""
        return tuple(self._models[name].id for name in sorted(self._models))

    @cached_property
    def version(self) -> str:
        """16 hexadecimal digits that change with any of its networks: of the SHA-256 over all of theirs."""
        return hashlib.sha256("".join(model.sha256 for model in self.models).encode()).hexdigest()[:16]

    def read(self, views: Sequence[View], evidence: Evidence = _NO_EVIDENCE, asked: str = "") -> SeriesReading:
        """Read pictures of one series.

        Args:
            views: in spatial order, at least one.
            evidence: what their headers say.
            asked: the anatomy that somebody says they show, ``brain`` or ``lung``; "": the router finds out.

        Returns:
            A reading of each, and one of all. What cannot be read is a reading with a reason, never an exception.

        Raises:
            ValueError: there is no view.
            SettingsError: onnxruntime is not installed.
        """
        if not views:
            raise ValueError("a series to be read has at least one picture")
        readings: list[Reading] = []
        routes: list[Route | None] = []
        for start in range(0, len(views), _AT_ONCE):
            found = self._read(views[start : start + _AT_ONCE], evidence, asked)
            readings.extend(reading for reading, _ in found)
            routes.extend(route for _, route in found)
        return self._together(readings, routes)

    def _read(self, views: Sequence[View], evidence: Evidence, asked: str) -> list[tuple[Reading, Route | None]]:
        """Readings of some views, each with the route it was read by; None where it was not."""
        obstacles = [obstacle(view) for view in views]
        sound = [number for number, reason in enumerate(obstacles) if not reason]
        routes: dict[int, Route] = {}
        if sound:
            pictures = np.stack([square(shown(views[number])) for number in sound])
            routes = dict(zip(sound, self._router.route(pictures, evidence, asked), strict=True))
        found = {
            number: Reading(
                anatomy=route.anatomy,
                anatomy_probability=route.probability,
                abstained=route.abstained,
                reason=route.reason,
                embedding=route.embedding,
            )
            for number, route in routes.items()
        }
        for kind in dict.fromkeys(route.kind for route in routes.values()):
            numbers = [number for number, route in routes.items() if route.kind == kind]
            found.update(self._by_task(kind, {number: views[number] for number in numbers}, found))
        return [
            (found[number], routes[number]) if number in found else (not_read(obstacles[number]), None)
            for number in range(len(views))
        ]

    def _by_task(self, kind: str, views: Mapping[int, View], routed: Mapping[int, Reading]) -> dict[int, Reading]:
        """Readings with what the network for such pictures says; without, and why, where there is none."""
        here = {number: routed[number] for number in views}
        if kind == "brain-ct":
            reason = "CT of the head: the network that looks for tumours knows MR only"
            return {
                number: replace(each, abstained=True, reason=_joined(each.reason, reason))
                for number, each in here.items()
            }
        task = TASK_OF.get(kind, "")
        if not task:
            return {}
        model = self._models.get(task)
        if model is None:
            reason = f"no network for {task} is installed"
            return {number: replace(each, reason=_joined(each.reason, reason)) for number, each in here.items()}
        outputs = model.run(np.stack([pictured(view, task, model.facts) for view in views.values()]))
        out = {}
        for number, answer in zip(views, answers(task, outputs, model.facts), strict=True):
            finding, reason = verdict(task, answer.probabilities, model.facts)
            out[number] = replace(
                routed[number],
                finding=finding,
                probabilities=answer.probabilities,
                abstained=not finding,
                reason=_joined(routed[number].reason, reason),
                task=task,
                heat=answer.heat,
                model=model.id,
            )
        return out

    def _together(self, readings: Sequence[Reading], routes: Sequence[Route | None]) -> SeriesReading:
        """One reading of all: the anatomy by the mean, the finding from the slices that carry it."""
        known = [route for route in routes if route is not None]
        if not known:
            return SeriesReading(tuple(readings), readings[len(readings) // 2], len(readings) // 2)
        shares = {part: sum(route.shares[part] for route in known) / len(known) for part in known[0].shares}
        certain = Counter(route.anatomy for route in known if not route.abstained)
        anatomy = max(certain, key=lambda each: (certain[each], shares[each])) if certain else "other"
        told = next((route.reason for route in known if route.reason and not route.abstained), "")
        mean = sum((route.embedding for route in known), np.zeros(len(known[0].embedding), np.float32))
        pool = Reading(
            anatomy=anatomy,
            anatomy_probability=shares[anatomy],
            abstained=not certain,
            reason=told if certain else Counter(route.reason for route in known).most_common(1)[0][0],
            embedding=(mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32),
        )
        of_it = [number for number, reading in enumerate(readings) if reading.anatomy == anatomy]
        middle = of_it[len(of_it) // 2]
        tasks = Counter(readings[number].task for number in of_it if readings[number].task)
        if not tasks:
            pool = replace(pool, abstained=readings[middle].abstained, reason=readings[middle].reason)
            return SeriesReading(tuple(readings), pool, middle)
        task = max(tasks, key=lambda each: (tasks[each], -list(LABELS).index(each)))
        voters = [number for number in of_it if readings[number].task == task]
        probabilities = pooled(task, [readings[number].probabilities for number in voters])
        finding, reason = verdict(task, probabilities, self._models[task].facts)
        strongest = max(voters, key=lambda number: abnormality(task, readings[number].probabilities))
        pool = replace(
            pool,
            finding=finding,
            probabilities=probabilities,
            abstained=not finding,
            reason=_joined(told, reason),
            task=task,
            heat=readings[strongest].heat,
            model=readings[strongest].model,
        )
        return SeriesReading(tuple(readings), pool, strongest)


def _joined(*reasons: str) -> str:
    return "; ".join(filter(None, reasons))

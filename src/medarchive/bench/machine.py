"""Machine: what a figure was measured on, and the cores that everyone is held to."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import imagecodecs
import zstandard

__all__ = ["conditions", "held_to"]

_PACKAGES = ("medarchive", "numpy", "pydicom", "imagecodecs", "zstandard")
_LIBRARIES = ("charls", "openjpeg", "openjph", "libjxl")


def conditions(workers: int, effort: int) -> dict[str, Any]:
    """What a figure was measured on and with: ``cpu``, ``workers``, ``effort`` and ``versions``."""
    return {"cpu": _cpu(), "workers": workers, "effort": effort, "versions": _versions()}


@contextmanager
def held_to(cores: int) -> Iterator[None]:
    """Hold this thread, and those that it starts, to so many cores: a codec with threads of its own gets no more.

    Linux only; elsewhere nothing is done.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _cpu() -> str:
    """The processor's model, as well as the system knows it, and how many cores may be used."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8", errors="replace").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} cores"


def _versions() -> dict[str, str]:
    """Packages, and the libraries inside imagecodecs and zstandard, with their versions."""
    inside = imagecodecs.version(dict)
    libraries = {name: str(inside[name]) for name in _LIBRARIES if name in inside}
    zstd = {"zstd": ".".join(map(str, zstandard.ZSTD_VERSION))}
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES} | libraries | zstd

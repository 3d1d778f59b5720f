"""Speed and memory of reading images with all shipped networks, on two cores.

python benchmarks/insight_speed.py [PICTURES]

Made-up 512 x 512 views, a quarter each of what the router is to send to the brain, lung CT and chest X-ray networks and
to none: the router's answer on made-up pictures is not what counts here, so each view goes to its network whatever the
router says. Printed: images a second in series of 24 slices and one at a time, of the router alone and with the task
networks, and the largest resident memory. Nothing but onnxruntime and this package.
"""

import os
import resource
import sys
import time
from collections.abc import Sequence

import numpy as np

from medarchive.insight.classifier import TASK_OF, answers, pictured
from medarchive.insight.gates import shown
from medarchive.insight.models import Model, shipped
from medarchive.insight.picture import square
from medarchive.insight.reader import Reader
from medarchive.view import Evidence, View

_CORES = 2
_RUNS = 3


def made(number: int, side: int = 512) -> View:
    """A body with organs, in HU: what it shows does not matter, what it costs does."""
    draw = np.random.default_rng(number)
    down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    values = np.where((down / 0.8) ** 2 + (across / 0.9) ** 2 < 1, 40.0, -1000.0)
    for _ in range(6):
        y, x, r = draw.uniform(-0.5, 0.5), draw.uniform(-0.6, 0.6), draw.uniform(0.05, 0.3)
        values[(down - y) ** 2 + (across - x) ** 2 < r * r] = draw.uniform(-900, 300)
    return View((values + draw.normal(0, 20, values.shape)).astype(np.float32), (40.0, 400.0), hounsfield=True)


def timed(views: Sequence[View], reader: Reader, tasks: dict[str, Model], at_once: int) -> float:
    """Seconds for everything that is done for each view: gates, square, router, and the network of a task."""
    names = sorted(tasks)
    begun = time.perf_counter()
    for start in range(0, len(views), at_once):
        batch = views[start : start + at_once]
        reader.read(batch, Evidence())
        if names:
            task = names[(start // at_once) % len(names)]
            outputs = tasks[task].run(np.stack([pictured(view, task, tasks[task].facts) for view in batch]))
            answers(task, outputs, tasks[task].facts)
    return time.perf_counter() - begun


def main(count: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    models = {model.id.name: model for model in shipped()}
    reader = Reader(models.values())
    tasks = {name: model for name, model in models.items() if name in TASK_OF.values()}
    views = [made(number) for number in range(count)]
    timed(views[:24], reader, tasks, 24)  # loads
    print(f"{count} views of 512 x 512, {_CORES} cores, networks: {', '.join(sorted(models))}")
    print("| what | images/s |\n|---|---|")
    for label, some, at_once in (
        ("router alone, series of 24", {}, 24),
        ("all, series of 24", tasks, 24),
        ("all, one at a time", tasks, 1),
    ):
        best = min(timed(views, reader, some, at_once) for _ in range(_RUNS))
        print(f"| {label} | {count / best:.1f} |")
    for name, model in sorted(tasks.items()):
        pictures = np.stack([square(shown(view)) for view in views[:24]])
        begun = time.perf_counter()
        model.run(pictures)
        print(f"| network {name} alone | {len(pictures) / (time.perf_counter() - begun):.1f} |")
    print(f"largest resident memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    if not any(shipped()):
        sys.exit("skipped: no networks are shipped")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 96)

"""Nanoseconds per pixel of the predictive codec's kernel, by instruction set and stage.

    python benchmarks/predictive_kernel.py [--size 512] [--repeat 7] [--instructions NAME ...]

Two slices of the synthetic chest of `medarchive demo`: the second is coded without and with the first one before it.
One thread; the best of the repeats. The stages are measured in runs of their own: the clock itself costs a little.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from medarchive.cli.phantom import volume
from medarchive.codecs.predictive import model, solver
from medarchive.codecs.predictive.native import STAGES, Native, instruction_sets
from medarchive.codecs.predictive.planes import Geometry, Ints
from medarchive.codecs.predictive.reference import State

HIGHEST = 4095


def best(repeat: int, work: Callable[[], object]) -> float:
    """Seconds of the quickest of some runs."""
    times = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def stages(instructions: str, repeat: int, work: Callable[[Native], object]) -> list[float]:
    """Nanoseconds of each stage in the quickest of some runs."""
    found = []
    for _ in range(repeat):
        native = Native(model.load(), instructions, times=True)
        work(native)
        assert native.times is not None
        found.append(native.times.astype(float).tolist())
    return min(found, key=sum)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--instructions", nargs="*", default=instruction_sets())
    options = parser.parse_args()
    geometry = Geometry(options.size, options.size)
    earlier, later = (geometry.plane_of(slice_.astype(np.int32)) for slice_ in volume(2, options.size))
    places = geometry.everywhere()
    pixels = options.size**2
    print(f"hidden layers {[len(layer.biases) for layer in model.load().network.layers[:2]]}, ns per pixel")
    print(f"{'':28}{'encode':>8}{'decode':>8}   of which " + ", ".join(STAGES))
    for before_values in (None, earlier):
        weights = solver.solve(geometry, later, before_values, places)
        seconds = best(3, lambda values=before_values: solver.solve(geometry, later, values, places))  # type: ignore[misc]
        print(f"{'with' if before_values is not None else 'without'} a slice before; weights in {1e3 * seconds:.0f} ms")
        for instructions in options.instructions:
            native = Native(model.load(), instructions)
            before: State | None = None
            if before_values is not None:
                alone = solver.solve(geometry, earlier, None, places)
                before = native.encode(earlier, None, geometry, alone, HIGHEST)[1]

            def encode(native: Native, before: State | None = before, weights: Ints = weights) -> bytes:
                return native.encode(later, before, geometry, weights, HIGHEST)[0]

            data = encode(native)

            def decode(
                native: Native, data: bytes = data, before: State | None = before, weights: Ints = weights
            ) -> State:
                return native.decode(data, before, geometry, weights, HIGHEST)

            assert np.array_equal(decode(native).values, later)
            figures = [1e9 / pixels * best(options.repeat, partial(work, native)) for work in (encode, decode)]
            parts = [stages(instructions, options.repeat, work) for work in (encode, decode)]
            shares = "   ".join(" ".join(f"{nanoseconds / pixels:5.1f}" for nanoseconds in part) for part in parts)
            print(
                f"  {instructions:14}{8 * len(data) / pixels:6.3f} bit  {figures[0]:8.1f}{figures[1]:8.1f}   {shares}"
            )


if __name__ == "__main__":
    main()

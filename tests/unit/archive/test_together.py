"""Calls that wait for the disk, side by side."""

import threading
import time

import pytest

from medarchive.archive.together import Together


def test_all_at_the_same_time() -> None:
    together, barrier = Together(4), threading.Barrier(4)
    waited: list[int] = []
    together.run(lambda _: waited.append(barrier.wait(10)), [1, 2, 3, 4])
    together.close()
    assert sorted(waited) == [0, 1, 2, 3]


def test_one_needs_no_other_thread() -> None:
    together = Together(4)
    threads: list[int] = []
    together.run(lambda _: threads.append(threading.get_ident()), ["only"])
    together.run(lambda _: threads.append(0), [])
    together.close()
    assert threads == [threading.get_ident()]


@pytest.mark.parametrize("fails", [0, 2])
def test_an_error_comes_when_all_have_ended(fails: int) -> None:
    together = Together(4)
    ended: list[int] = []

    def call(number: int) -> None:
        if number == fails:
            raise OSError(28, "No space left on device")
        time.sleep(0.1)
        ended.append(number)

    with pytest.raises(OSError, match="No space"):
        together.run(call, [0, 1, 2, 3])
    together.close()
    assert sorted(ended) == [number for number in range(4) if number != fails]

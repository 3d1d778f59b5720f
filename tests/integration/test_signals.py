"""Signals end what runs until it is told to stop, whatever it is doing, and however many come."""

import signal
import subprocess
import sys

import pytest

RUNS = """
from medarchive.cli.children import stop_on_signals
stop = stop_on_signals()
print("ready", flush=True)
while not stop.wait(0.001):
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("times", [1, 50])
def test_signals_end_it(number: signal.Signals, times: int) -> None:
    for _ in range(1 if times == 1 else 5):
        with subprocess.Popen([sys.executable, "-c", RUNS], stdout=subprocess.PIPE, text=True) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == "ready\n"
            for _ in range(times):
                running.send_signal(number)
            try:
                # Python gives signals up at its very end, with nothing left to do: a late one may meet it there
                assert running.wait(30) in ((0,) if times == 1 else (0, -number))
            finally:
                running.kill()

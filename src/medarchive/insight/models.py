"""Models: the networks that ship beside this package, found, hashed, and loaded when one is first asked."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from medarchive.errors import CorruptStream, SettingsError
from medarchive.insight.reading import ModelId

__all__ = ["WEIGHTS", "Model", "Network", "shipped"]

WEIGHTS = Path(__file__).with_name("weights")
"""Where ``NAME.onnx`` and ``NAME.json`` are."""

_BATCH = 8


class Network(Protocol):
    """What looks at pictures."""

    @property
    def id(self) -> ModelId:
        """Name, version and hash."""
        ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """Labels, thresholds, how it was trained and measured."""
        ...

    def run(self, pictures: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Outputs by name, a row for each picture of (n, 256, 256), 0 to 1, at least one."""
        ...


class Model:
    """One network in an ONNX file, and what the JSON file beside it says of it.

    Attributes:
        id: name, version, and hash of the ONNX file.
        facts: what is in the JSON file: labels, thresholds, how it was trained and measured.
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        """Hash a file; the network is loaded when it first runs.

        Args:
            path: of the ONNX file.
            threads: that it may run on.

        Raises:
            SettingsError: there is no JSON file beside it, or it is none.
            CorruptStream: the ONNX file is not the one that the JSON file describes.
        """
        self._path, self._threads = path, threads
        beside = path.with_suffix(".json")
        try:
            self.facts: Mapping[str, Any] = json.loads(beside.read_text())
            version = str(self.facts["version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"{beside}: does not describe {path.name}: {error}; install medarchive anew") from error
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if self.facts.get("sha256") != digest:
            raise CorruptStream(f"{path}: is not the file that {beside.name} describes; install medarchive anew")
        self.id = ModelId(path.stem, version, digest)

    def run(self, pictures: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """What the network says, by the names of its outputs; each has one row for each picture.

        Args:
            pictures: (n, 256, 256), 0 to 1, at least one.

        Raises:
            SettingsError: onnxruntime is not installed.
        """
        names = [output.name for output in self._session.get_outputs()]
        parts = [
            self._session.run(names, {"pictures": pictures[start : start + _BATCH, None]})
            for start in range(0, len(pictures), _BATCH)
        ]
        return {name: np.concatenate([part[at] for part in parts]) for at, name in enumerate(names)}

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime  # noqa: PLC0415  # an extra, and slow to import
        except ImportError as error:
            raise SettingsError(
                f"reading images needs onnxruntime: pip install 'medarchive[insight]' ({error})"
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting is done asleep: others work
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # batches differ in size
        return onnxruntime.InferenceSession(str(self._path), options, providers=["CPUExecutionProvider"])


def shipped(folder: Path = WEIGHTS, threads: int = 2) -> Iterator[Model]:
    """The networks in a folder, by name."""
    for path in sorted(folder.glob("*.onnx")):
        yield Model(path, threads)

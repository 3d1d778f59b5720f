"""Models: weights are those that are described, and a missing package is named."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from medarchive.errors import CorruptStream, SettingsError
from medarchive.insight.models import Model, shipped
from medarchive.insight.reader import Reader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("router", "brain"):
        data = name.encode()
        (tmp_path / f"{name}.onnx").write_bytes(data)
        facts = {"version": "3", "sha256": hashlib.sha256(data).hexdigest(), "labels": [], "thresholds": {}}
        (tmp_path / f"{name}.json").write_text(json.dumps(facts))
    return tmp_path


def test_weights_are_found_and_hashed(folder: Path) -> None:
    models = list(shipped(folder))
    assert [model.id.name for model in models] == ["brain", "router"]
    assert models[0].id.version == "3"
    assert models[0].id.sha256 == hashlib.sha256(b"brain").hexdigest()


def test_changed_weights_are_refused(folder: Path) -> None:
    (folder / "brain.onnx").write_bytes(b"other")
    with pytest.raises(CorruptStream, match=r"is not the file that brain\.json describes"):
        Reader.open(folder)


@pytest.mark.parametrize("text", [None, "no JSON", "[]", "{}"])
def test_weights_without_a_description_are_refused(folder: Path, text: str | None) -> None:
    beside = folder / "brain.json"
    beside.unlink() if text is None else beside.write_text(text)
    with pytest.raises(SettingsError, match="brain"):
        Model(folder / "brain.onnx")


def test_an_empty_folder_has_no_router(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="router"):
        Reader.open(tmp_path)


def test_without_onnxruntime_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SettingsError, match=r"pip install 'medarchive\[insight\]'"):
        Model(folder / "router.onnx").run(np.zeros((1, 256, 256), np.float32))


def test_a_reader_is_not_opened_without_onnxruntime(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medarchive.insight.reader.can_read", lambda: False)
    with pytest.raises(SettingsError, match=r"pip install 'medarchive\[insight\]'"):
        Reader.open(folder)

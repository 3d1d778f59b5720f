"""Files that earlier versions wrote must decode to the same pixels forever."""

from pathlib import Path

import numpy as np
import pytest

import medarchive
from golden.make_golden import cases, digest, digests, make
from medarchive.codecs.autoencoder import backend, model, native
from medarchive.codecs.container import Container
from medarchive.codecs.predictive import codec, given
from medarchive.codecs.predictive.native import Native, instruction_sets
from medarchive.codecs.predictive.reference import Reference
from medarchive.codecs.spec import ImageSpec
from medarchive.codecs.wire import Reader

HERE = Path(__file__).parent
FILES = sorted(file.stem for file in HERE.glob("*.meda"))
AUTOENCODER = sorted(name for name in cases() if name.startswith("autoencoder."))


def decodes_to_its_pixels(name: str, folder: Path = HERE) -> None:
    case = cases()[name]
    data = (folder / f"{name}.meda").read_bytes()
    decoded = medarchive.decode(data)
    assert medarchive.inspect(data).codec == case.codec
    assert decoded.dtype == case.array.dtype
    assert decoded.shape == case.array.shape
    if case.quality is None:
        assert int(np.abs(decoded.astype(np.int64) - case.array.astype(np.int64)).max()) <= case.max_error
    else:
        assert digest(decoded) == digests(folder)[name]


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_old_decodes_to_its_pixels(name: str) -> None:
    decodes_to_its_pixels(name)


@pytest.mark.parametrize("instructions", ["numpy", *instruction_sets()])
@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("predictive.")])
def test_every_coder_of_tiles_decodes_it(name: str, instructions: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        codec, "coder", lambda model: Reference(model) if instructions == "numpy" else Native(model, instructions)
    )
    decodes_to_its_pixels(name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the codec "autoencoder": those of old, and made now those that no release has written yet."""
    found = tmp_path_factory.mktemp("golden")
    for file in (*HERE.glob("autoencoder.*.meda"), *HERE.glob("*.sha256")):
        (found / file.name).write_bytes(file.read_bytes())
    make(found, AUTOENCODER)
    return found


@pytest.mark.parametrize("instructions", ["numpy", *native.instruction_sets()])
@pytest.mark.parametrize("name", AUTOENCODER)
def test_every_coder_of_coefficients_decodes_it(
    name: str, instructions: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the coder of tiles that goes with it, for what latents miss."""
    if instructions == "numpy":
        for module in (backend, native):
            monkeypatch.setattr(module, "instruction_sets", list)
    else:
        monkeypatch.setattr(backend, "_proven", lambda _, used: native.Native(used, instructions))
    for module in (codec, given):
        monkeypatch.setattr(
            module, "coder", lambda used: Reference(used) if instructions == "numpy" else Native(used, instructions)
        )
    decodes_to_its_pixels(name, folder)


def test_there_is_every_kind_of_stream(folder: Path) -> None:
    """Lossy, bounded and drawn."""
    kinds = set()
    for name in AUTOENCODER:
        data = (folder / f"{name}.meda").read_bytes()
        container = Container.open(lambda at, length, data=data: data[at : at + length], len(data))  # type: ignore[misc]
        for stream in container.entries[0].streams:
            reader = Reader(data[stream.offset : stream.offset + stream.length])
            reader.take(model.IDENTITY)
            ImageSpec.read(reader)
            kinds.add((reader.varint(2), cases()[name].quality is not None))
    assert kinds == {(0, True), (1, False), (2, True), (2, False)}


def test_files_are_made_once(folder: Path) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    make(folder, AUTOENCODER)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_no_file_is_left_out() -> None:
    """But all of a codec that no release has had yet."""
    missing = set(cases()) - set(FILES)
    assert set(FILES) <= set(cases())
    assert sorted(missing) in ([], AUTOENCODER)
    assert set(digests(HERE)) == {name for name in FILES if cases()[name].quality is not None}

"""Every contender on the same pixels; what fails is reported, and what is counted is what there is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import medarchive
from medarchive.bench.contenders import Contender, Ours
from medarchive.bench.measuring import measured
from medarchive.bench.peers import NEAR, PEERS, peer, trouble
from medarchive.bench.results import Results
from medarchive.bench.run import batches, contenders
from medarchive.bench.series import Series
from medarchive.bench.sources import Found, Source
from medarchive.codecs import registry
from medarchive.codecs.fidelity import FidelityReport, measure
from medarchive.errors import UnknownCodec
from medarchive.image import Image


def noisy(bits: int, dtype: str, samples: int = 1, frames: int = 1) -> Image:
    low = -(1 << bits - 1) if dtype.startswith("i") else 0
    values = np.random.default_rng(bits).integers(low, low + (1 << bits), (frames, 24, 20, samples))
    return Image(values.astype(dtype), bits)


def smooth(name: str, frames: int = 2, modality: str = "CT") -> Series:
    z, y, x = np.mgrid[:frames, :48, :40]
    noise = np.random.default_rng(7).integers(0, 8, z.shape)
    return Series.of(name, modality, "1.2", Image((9 * x + 5 * y + z + noise)[..., None].astype("i2"), 12))


@dataclass
class Faulty:
    """A peer that gives other pixels back, or none, where an image has one frame."""

    raises: bool
    name: str = "faulty"
    ours: bool = False
    group: int = 4
    max_error: int = 0

    def takes(self, image: Image) -> bool:
        return image.bits > 1

    def encode(self, image: Image) -> bytes:
        if self.raises and len(image) == 1:
            raise ZeroDivisionError("of all things")
        return image.pixels.tobytes()

    def decode(self, data: bytes, like: Image) -> Image:
        pixels = np.frombuffer(data, like.pixels.dtype).reshape(like.pixels.shape)
        return Image(pixels if len(like) > 1 else pixels + 1, like.bits)

    def size(self, image: Image, streams: Sequence[bytes], report: FidelityReport) -> int:
        return sum(map(len, streams))


@pytest.mark.parametrize("name", [name for name in PEERS if name != "jpegxl-e9"])
@pytest.mark.parametrize(
    "image", [noisy(8, "u1", 3), noisy(1, "u1"), noisy(12, "u2"), noisy(12, "i2"), noisy(16, "i2"), noisy(7, "i1")]
)
def test_peers_give_every_kind_of_image_back(name: str, image: Image) -> None:
    assert trouble(name) == ""
    one = peer(name)
    assert one.takes(image)
    assert one.decode(one.encode(image), image) == image


@pytest.mark.parametrize("name", NEAR)
def test_near_lossless_peers_keep_their_bound(name: str) -> None:
    for image in (noisy(12, "i2"), noisy(16, "u2"), noisy(8, "u1")):
        one = peer(name, 3)
        assert measure(image, one.decode(one.encode(image), image), 3).max_error == 3


@pytest.mark.parametrize("max_error", [0, 2])
def test_our_bytes_are_those_of_the_container(max_error: int) -> None:
    series = smooth("CT 1", 5)
    ours = Ours(registry.get("jpegxl"), 3, max_error)
    (sized,), pace = measured(ours, [series], 2)
    array = series.image.pixels[..., 0]
    whole = medarchive.encode(array, codec="jpegxl", bits=12, effort=3, max_error=max_error)
    assert (sized.size, sized.trouble) == (len(whole), "")
    assert pace is not None
    assert pace.pixels == 5 * 48 * 40


@pytest.mark.parametrize(("raises", "said"), [(True, "ZeroDivisionError: of all things"), (False, "error of 1")])
def test_a_series_that_fails_is_reported_and_not_counted(raises: bool, said: str) -> None:
    bit = Series.of("CT 3", "CT", "", Image(np.zeros((2, 4, 4, 1), "u1"), 1))
    sized, pace = measured(Faulty(raises), [smooth("CT 1", 6), smooth("CT 2", 1), bit], 2)
    by_name = {each.series.name: each for each in sized}
    assert by_name["CT 1"].size == 6 * 48 * 40 * 2
    assert said in by_name["CT 2"].trouble
    assert [by_name[name].failed for name in ("CT 1", "CT 2", "CT 3")] == [False, True, False]
    assert by_name["CT 3"].trouble == "does not take such images"
    assert pace is not None
    assert pace.pixels == 6 * 48 * 40


def test_rows_by_series_by_modality_and_in_total() -> None:
    results = Results("jpegls")
    who: list[Contender] = [peer("jpegls"), peer("zstd-19"), Faulty(raises=True)]
    both = [smooth("CT 1", 2), smooth("CT 2", 1)]
    mr = [smooth("MR 1", 3, "MR")]
    for batch in (both, mr):
        for one in who:
            results.add(*measured(one, batch, 2))
    assert [failure.series.name for failure in results.failures] == ["CT 2"]
    rows = {(row.name, row.codec): row for row in (*results.by_series(), *results.by_modality(), *results.total())}
    assert rows["all", "jpegls"].size_to_reference == 1
    shares = [rows[name, "zstd-19"].bytes / rows[name, "jpegls"].bytes for name in ("CT 1", "CT 2", "MR 1")]
    assert rows["all", "zstd-19"].size_to_reference == pytest.approx(math.prod(shares) ** (1 / 3))
    assert rows["CT", "zstd-19"].size_to_reference == pytest.approx(math.prod(shares[:2]) ** (1 / 2))
    faulty = rows["CT", "faulty"]
    assert (faulty.series, faulty.of, faulty.frames, faulty.bits_per_pixel, faulty.ratio) == (1, 2, 2, 16, 1)
    assert "of all things" in rows["CT 2", "faulty"].trouble
    assert rows["CT 2", "faulty"].bits_per_pixel is None
    speeds = [rows[name, "jpegls"].encode_mpx_s for name in ("CT", "MR", "all")]
    assert all(speed is not None and speed > 0 for speed in speeds)


def test_who_is_measured() -> None:
    everyone, missing = contenders()
    assert {each.name for each in everyone} == {*registry.names(), *PEERS}
    assert missing == []
    quick, _ = contenders(quick=True, max_error=2)
    assert not {"jpegxl-e9", "zstd-19"} & {each.name for each in quick}
    assert {each.name for each in quick if each.max_error} == {*registry.names(), *NEAR}
    with pytest.raises(UnknownCodec, match="jpegls"):
        contenders(["mp3"])


def test_a_batch_holds_one_modality_and_so_many_bytes(tmp_path: Path) -> None:
    def found(modality: str, frames: int) -> Found:
        source = Source(tmp_path, "1", modality, (10, 10, 1, 16, 12, 0), ((), 0.0, 0), 0, frames)
        return Found(modality, modality, "1", (source,))

    made = batches([found("CT", 1), found("CT", 2), found("CT", 9), found("MR", 1)], 600)
    assert [[each.nbytes for each in batch] for batch in made] == [[200, 400], [1800], [200]]

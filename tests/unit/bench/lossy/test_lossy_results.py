"""Curves of contenders that are known, what is compared, and what passes a demand."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from medarchive.bench.lossy.at_profile import kept
from medarchive.bench.lossy.display import Display
from medarchive.bench.lossy.measuring import Curve, Point, curve_of
from medarchive.bench.lossy.passing import passing
from medarchive.bench.lossy.results import TOGETHER, compared, failures, mean_curve, with_envelope
from medarchive.bench.lossy.run import Measured
from medarchive.bench.series import Series
from medarchive.codecs.fidelity import Rescale
from medarchive.image import Image

DISPLAY = Display(0, 4000, stated=False, rescale=Rescale())
SIDE = 64
IMAGE = Image(np.random.default_rng(5).integers(0, 4000, (1, SIDE, SIDE, 1)).astype("u2"), 12)


@dataclass(frozen=True)
class Dropping:
    """Drops low bits, and takes as many bytes as it is told to: a codec whose curve is known."""

    cost: float = 1.0
    name: str = "dropping"
    ours: bool = True
    span: tuple[float, float] = (-10.0, 0.0)
    steps: tuple[float, ...] = ()
    trouble: str = ""

    def takes(self, image: Image) -> bool:
        return image.bits == 12

    def encode(self, image: Image, setting: float) -> bytes:
        if self.trouble:
            raise ZeroDivisionError(self.trouble)
        step = 2 ** (-setting)
        size = round(self.cost * image.pixels.size * (12 + setting) / 8)
        return np.float64(step).tobytes().ljust(size, b"\0")

    def decode(self, data: bytes, like: Image) -> Image:
        step = np.frombuffer(data[:8], np.float64)[0]
        values = np.rint(np.rint(like.pixels / step) * step)
        return Image(np.clip(values, 0, 4095).astype(like.pixels.dtype), like.bits)


def measured(*contenders: Dropping, name: str = "CT 1", modality: str = "CT") -> Measured:
    rates = [3, 4, 5, 6, 7, 8]
    about = Series.of(name, modality, "1.2", IMAGE).about
    return Measured(about, DISPLAY, tuple(curve_of(each, IMAGE, DISPLAY, rates) for each in contenders))


def test_a_point_at_each_rate_with_what_is_lost_there() -> None:
    curve = curve_of(Dropping(), IMAGE, DISPLAY, [3, 5, 7, 40])
    assert [point.bits_per_pixel for point in curve.points] == pytest.approx([3, 5, 7], rel=0.021)
    for point in curve.points:
        step = 2 ** (-point.setting)
        assert step / 2 - 1 <= point.max_error <= step / 2 + 1
        span = float(IMAGE.pixels.max()) - float(IMAGE.pixels.min())
        assert point.psnr == pytest.approx(20 * math.log10(span * math.sqrt(12) / step), abs=0.3)
    assert [point.ms_ssim for point in curve.points] == sorted(point.ms_ssim for point in curve.points)


def test_a_knob_with_steps_is_measured_at_each_down_to_the_lowest_rate() -> None:
    curve = curve_of(Dropping(steps=(0.0, -1.0, -4.0, -7.0, -8.0)), IMAGE, DISPLAY, [6.5, 9])
    assert [point.setting for point in curve.points] == [-7.0, -4.0, -1.0, 0.0]
    assert curve.points[-1].psnr == math.inf
    assert curve.points[-1].ms_ssim == math.inf


def test_who_takes_fewer_bytes_by_a_factor_has_that_bd_rate() -> None:
    images = [
        measured(Dropping(0.8), Dropping(1.0, "peer", ours=False)),
        measured(Dropping(0.9), Dropping(1.0, "peer", ours=False), name="MR 1", modality="MR"),
    ]
    rows = {(row.scope, row.name): row for row in compared(images, "peer", "psnr", most=8)}
    assert rows["image", "CT 1"].bd_rate == pytest.approx(-0.2, abs=0.01)
    assert rows["modality", "MR"].bd_rate == pytest.approx(-0.1, abs=0.01)
    total = rows["total", "all"]
    assert total.bd_rate == pytest.approx(math.sqrt(0.8 * 0.9) - 1, abs=0.01)
    assert total.worst == pytest.approx(-0.1, abs=0.01)
    assert total.most_rate == pytest.approx(0.9, abs=0.03)
    assert (total.images, total.of, total.codec, total.ours) == (2, 2, "dropping", True)
    (low, *_) = compared(images, "peer", "ms_ssim", most=2)
    assert (low.images, low.bd_rate) == (0, None)


def test_ours_together_take_at_each_rate_the_one_that_is_better() -> None:
    def curve(name: str, ours: bool, *pairs: tuple[float, float]) -> Curve:
        return Curve(name, ours, tuple(Point(0, int(1000 * rate), rate, at, at / 2, 0) for rate, at in pairs))

    about = Series.of("CT 1", "CT", "", IMAGE).about
    low = curve("low", True, (0.5, 40), (1, 45), (2, 46))
    high = curve("high", True, (1, 41), (2, 50), (4, 56))
    peer = curve("peer", False, (0.5, 38), (1, 43), (2, 48), (4, 54))
    whole = with_envelope(Measured(about, DISPLAY, (low, high, peer)))
    assert [each.name for each in whole.curves] == ["low", "high", "peer", TOGETHER]
    rows = {row.codec: row for row in compared([whole], "peer", "psnr", most=4) if row.scope == "total"}
    together, alone = rows[TOGETHER], rows["high"]
    assert together.most_rate is not None
    assert together.most_rate < 1
    assert alone.most_rate is not None
    assert alone.most_rate > 1
    rates, qualities = zip(*mean_curve([whole], TOGETHER, "psnr", [0.5, 1, 2, 4, 8]), strict=True)
    assert rates == (0.5, 1, 2, 4)
    assert qualities == pytest.approx([40, 45, 50, 56])
    assert with_envelope(Measured(about, DISPLAY, (low, peer))).curves == (low, peer)


def test_who_falls_over_is_said() -> None:
    colour = Image(np.zeros((1, 8, 8, 3), "u1"), 8)
    assert curve_of(Dropping(), colour, DISPLAY, [1]).trouble == "does not take such images"
    one = measured(Dropping(trouble="of all things"))
    assert [(name, curve.trouble) for name, curve in failures([one])] == [("CT 1", "ZeroDivisionError: of all things")]


@pytest.mark.parametrize("most", [1, 7, 100])
@pytest.mark.parametrize("steps", [(), (0.0, -1.0)])
def test_the_lowest_setting_that_passes(most: int, steps: tuple[float, ...]) -> None:
    def accepted(decoded: Image) -> bool:
        return int(np.abs(decoded.pixels.astype(int) - IMAGE.pixels.astype(int)).max()) <= most

    (point,) = passing(Dropping(steps=steps), IMAGE, DISPLAY, accepted).points
    assert point.max_error <= most
    if steps:
        assert point.setting == int(point.setting)
        assert 2 ** (1 - point.setting) / 2 > most
    else:
        assert 2 ** (-point.setting) / 2 == pytest.approx(most + 0.5, rel=0.4)


def test_what_fails_at_the_highest_setting_may_pass_below() -> None:
    def accepted(decoded: Image) -> bool:
        off = int(np.abs(decoded.pixels.astype(int) - IMAGE.pixels.astype(int)).max())
        return 10 <= off <= 40

    (point,) = passing(Dropping(), IMAGE, DISPLAY, accepted).points
    assert 30 <= point.max_error <= 40


def test_what_passes_nowhere_has_no_figure_and_the_others_have() -> None:
    about = Series.of("CT 1", "CT", "", IMAGE).about
    good = passing(Dropping(), IMAGE, DISPLAY, lambda _: True)
    bad = passing(Dropping(), IMAGE, DISPLAY, lambda _: False)
    half = Curve("half", ours=False, points=(Point(0, 2 * good.points[0].bytes, 1, 50, 20, 3),))
    bad = Curve("bad", bad.ours, bad.points, bad.trouble)
    rows = {row.codec: row for row in kept([Measured(about, DISPLAY, (good, bad, half))]) if row.scope == "image"}
    assert (rows["bad"].images, rows["bad"].trouble, rows["bad"].psnr) == (0, "passes at no setting", None)
    assert rows["dropping"].size_to == {"dropping": 1, "bad": None, "half": pytest.approx(0.5)}
    assert rows["dropping"].bits_per_pixel == pytest.approx(2, rel=0.01)

"""Narrow: CT as old collections show it: few pixels, a narrow window, grey for all that lies below it, and speckle.

There is no black lung in such a picture: lung, fat and the air outside are the same grey. Abdomen and chest are drawn
by the same hand here, so nothing but what is in them tells them apart.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from medarchive.insight.picture import square

__all__ = ["filled", "narrow"]

Field = NDArray[np.float32]

_AIR = -1000.0
_RANGE = 4000.0
_LUNG = -300.0  # HU; below it and inside the body is lung
_VESSEL = -100.0  # below it and beside a lung is what a lung's border is blurred with
_SOLID = (35.0, 50.0, 65.0, 110.0, 150.0)  # HU of organs, without and with contrast
_ORGANS = (-100.0, *_SOLID)  # and of fat
_SPREAD = 12.0


def narrow(hounsfield: Field, draw: np.random.Generator) -> Field:
    """A slice (rows, columns) of HU as one such picture, (s, s) from 0 to 1."""
    side = int(draw.choice([48, 64, 64, 64, 96]))
    few = _few(hounsfield, side, draw.random() < 0.5)
    if draw.random() < 0.4:
        few = few + draw.normal(0, draw.uniform(20, 250), few.shape).astype(np.float32)
    low = draw.uniform(-160, 50)
    width = np.exp(draw.uniform(np.log(150), np.log(1300)))
    ground = draw.uniform(0, 0.55) if draw.random() < 0.6 else 0.0
    return np.asarray(ground + (1 - ground) * np.clip((few - low) / width, 0, 1), np.float32)


def _few(hounsfield: Field, side: int, skipping: bool) -> Field:
    """As few pixels as ``side``: every so many-th, or means."""
    whole = _squared(hounsfield)
    if skipping:
        places = ((np.arange(side) + 0.5) * len(whole) / side).astype(int)
        return np.asarray(whole[np.ix_(places, places)], np.float32)
    means = functional.interpolate(torch.from_numpy(whole)[None, None], size=(side, side), mode="area")
    return np.asarray(means[0, 0].numpy())


def _squared(hounsfield: Field) -> Field:
    """In the middle of a square of air."""
    longer = max(hounsfield.shape)
    out = np.full((longer, longer), _AIR, np.float32)
    top, left = ((longer - each) // 2 for each in hounsfield.shape)
    out[top : top + hounsfield.shape[0], left : left + hounsfield.shape[1]] = hounsfield
    return out


def filled(hounsfield: Field, draw: np.random.Generator) -> Field:
    """A slice of the chest with organs of chance where its lungs are, (256, 256) of HU: a trunk below the lungs."""
    fine = square((hounsfield - _AIR) / _RANGE) * _RANGE + _AIR
    air = torch.from_numpy((fine < _LUNG).astype(np.float32))[None, None]
    inside = air[0, 0].numpy() * (1 - _outside(air)[0, 0].numpy())
    wide = functional.max_pool2d(torch.from_numpy(inside)[None, None], 7, 1, 3)[0, 0].numpy() > 0
    return np.asarray(np.where(wide & (fine < _VESSEL), _organs(draw, fine.shape[0]), fine), np.float32)


def _outside(air: torch.Tensor) -> torch.Tensor:
    """The air that is joined to the border of the picture: grown from there until it stays as it is."""
    grown = functional.pad(torch.zeros_like(air[..., 1:-1, 1:-1]), (1, 1, 1, 1), value=1.0) * air
    while True:
        wider = functional.max_pool2d(grown, 3, 1, 1) * air
        if torch.equal(wider, grown):
            return grown
        grown = wider


def _organs(draw: np.random.Generator, side: int) -> Field:
    """An organ, and regions of others in it; never mostly fat, which a narrow window shows as it shows lung."""
    out = np.full((side, side), draw.choice(_SOLID), np.float32)
    for cells in draw.choice([2, 3, 4, 6, 10], size=int(draw.integers(0, 4))):
        noise = torch.from_numpy(draw.normal(size=(1, 1, cells, cells)).astype(np.float32))
        smooth = functional.interpolate(noise, size=(side, side), mode="bicubic")[0, 0].numpy()
        out[smooth > draw.uniform(0.2, 1.0)] = draw.choice(_ORGANS)
    return np.asarray(out + draw.normal(0, _SPREAD, out.shape), np.float32)

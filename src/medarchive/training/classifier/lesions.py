"""Lesions: puts them into pictures that have none, takes them out of others: no source tells the label then."""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["paste", "remove", "stripped"]

_INSIDE = 0.04


def paste(source: Tensor, outline: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Put lesions into other pictures of the brain, as bright or dark there as they are among their own surroundings.

    Args:
        source: (n, 1, side, side), 0 to 1, already turned and shifted at random.
        outline: the same shape, 1 in the lesion.
        target: pictures without one.

    Returns:
        Pictures and outlines. Where no place was found inside the head the picture is the target's, without outline.
    """
    head = _eroded((target > _INSIDE).float(), 10)
    pictures, outlines = target.clone(), torch.zeros_like(outline)
    for number in range(len(source)):
        placed = _placed(source[number], outline[number], head[number])
        if placed is None:
            continue
        lesion, mask = placed
        ring = _grown(mask[None], 10)[0] * (1 - mask)
        lesion = _hollowed(lesion, mask, ring) if torch.rand(()) < 0.3 else lesion
        soft = _blurred(_grown(mask[None], 2))[0]
        gain = float(torch.empty(()).uniform_(0.6, 1.5)) * (-1.0 if torch.rand(()) < 0.25 else 1.0)
        spread = _deviation(target[number], ring) / _deviation(lesion, ring)
        there = _mean(target[number], ring)
        moved = there + gain * spread.clamp(0.5, 2.0) * (lesion - _mean(lesion, ring))
        pictures[number] = (soft * moved + (1 - soft) * target[number]).clamp(0, 1)
        outlines[number] = mask
    return pictures, outlines


def remove(pictures: Tensor, outlines: Tensor) -> tuple[Tensor, Tensor]:
    """Fill lesions with what lies opposite, as far as that is healthy.

    Args:
        pictures: (n, 1, side, side).
        outlines: the same shape.

    Returns:
        Pictures and outlines; where the other side is no use, both as they were.
    """
    pictures, outlines = pictures.clone(), outlines.clone()
    side = pictures.shape[3]
    for number in range(len(pictures)):
        picture, mask = pictures[number], _grown(outlines[number][None], 4)[0]
        inside = (picture > _INSIDE).float()
        columns = torch.arange(side, dtype=torch.float32)
        middle = float((inside.sum(dim=(0, 1)) * columns).sum() / inside.sum().clamp(min=1))
        shift = round(2 * middle - (side - 1))
        mirrored = torch.roll(picture.flip(2), shift, 2)
        sick = torch.roll(mask.flip(2), shift, 2)
        healthy = mask.sum() > 0 and (sick * mask).sum() < 0.05 * mask.sum()
        if not healthy or (torch.roll(inside.flip(2), shift, 2) * mask).sum() < 0.9 * mask.sum():
            continue
        ring = _grown(mask[None], 6)[0] * (1 - mask)
        soft = _blurred(mask[None])[0]
        filled = mirrored - _mean(mirrored, ring) + _mean(picture, ring)
        pictures[number] = (soft * filled + (1 - soft) * picture).clamp(0, 1)
        outlines[number] = 0
    return pictures, outlines


def stripped(pictures: Tensor, outlines: Tensor, chance: float) -> Tensor:
    """Some lose the skull: black outside an ellipse inside the head, unless that would cut a lesion."""
    pictures = pictures.clone()
    side = pictures.shape[3]
    axis = torch.arange(side, dtype=torch.float32)
    for number in range(len(pictures)):
        if torch.rand(()) >= chance:
            continue
        inside = pictures[number, 0] > _INSIDE
        rows, columns = inside.sum(1) > side // 24, inside.sum(0) > side // 24
        if rows.sum() < side // 8 or columns.sum() < side // 8:
            continue
        (top, bottom), (left, right) = _ends(rows), _ends(columns)
        shrink = float(torch.empty(()).uniform_(0.72, 0.92))
        y = (axis - (top + bottom) / 2) / (shrink * (bottom - top + 1) / 2)
        x = (axis - (left + right) / 2) / (shrink * (right - left + 1) / 2)
        kept = ((y[:, None] ** 2 + x[None, :] ** 2) < 1).float()
        if (outlines[number, 0] * (1 - kept)).sum() <= 0.02 * outlines[number].sum():
            pictures[number, 0] *= kept
    return pictures


def _hollowed(lesion: Tensor, mask: Tensor, ring: Tensor) -> Tensor:
    """A bright rim about a dark middle, as of a cyst, a dead core or a cavity."""
    reach = max(2, int(0.25 * float(mask.sum()) ** 0.5 * float(torch.empty(()).uniform_(0.4, 1.2))))
    core = 1 - _grown(1 - mask[None], reach)[0]
    soft = functional.avg_pool2d(core[None], 3, 1, 1)[0]
    level, spread = _mean(lesion, ring), _deviation(lesion, ring)
    dark = level - spread * float(torch.empty(()).uniform_(0.3, 1.8))
    bright = torch.maximum(lesion, level + spread * float(torch.empty(()).uniform_(0.8, 2.5)) * mask)
    return soft * (dark + 0.3 * (lesion - _mean(lesion, core))) + (1 - soft) * bright


def _placed(lesion: Tensor, mask: Tensor, head: Tensor) -> tuple[Tensor, Tensor] | None:
    area = float(mask.sum())
    if area < 12:
        return None
    side = mask.shape[2]
    for _ in range(8):
        down, right = (int(torch.randint(-side // 4, side // 4, ())) for _ in range(2))
        moved = torch.roll(mask, (down, right), (1, 2))
        if float((moved * head).sum()) > 0.97 * area:
            return torch.roll(lesion, (down, right), (1, 2)), moved
    return None


def _ends(along: Tensor) -> tuple[int, int]:
    where = along.nonzero()
    return int(where[0]), int(where[-1])


def _grown(mask: Tensor, by: int) -> Tensor:
    rows = functional.max_pool2d(mask, (2 * by + 1, 1), 1, (by, 0))
    return functional.max_pool2d(rows, (1, 2 * by + 1), 1, (0, by))


def _eroded(mask: Tensor, by: int) -> Tensor:
    """What is inside by some pixels, holes filled: a share of the neighbourhood counts, not all of it."""
    rows = functional.avg_pool2d(mask, (4 * by + 1, 1), 1, (2 * by, 0))
    return (functional.avg_pool2d(rows, (1, 4 * by + 1), 1, (0, 2 * by)) > 0.8).float()


def _blurred(mask: Tensor) -> Tensor:
    return functional.avg_pool2d(functional.avg_pool2d(mask, 5, 1, 2), 5, 1, 2)


def _mean(picture: Tensor, where: Tensor) -> Tensor:
    return (picture * where).sum() / where.sum().clamp(min=1)


def _deviation(picture: Tensor, where: Tensor) -> Tensor:
    return (((picture - _mean(picture, where)) ** 2 * where).sum() / where.sum().clamp(min=1)).sqrt() + 0.02

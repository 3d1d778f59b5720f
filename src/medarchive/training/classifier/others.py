"""Others: pictures of no anatomy that a router knows, made from those that it does. Outlier exposure.

Each keeps the style of its source, grey values, background, sharpness, and loses its anatomy: style alone is then no
reason for an answer. A picture turned by a right angle is not among them: it still shows what it shows.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["others"]


def others(pictures: Tensor, anatomies: Sequence[str]) -> Tensor:
    """As many pictures that show no anatomy, each made in one of eight ways.

    Args:
        pictures: (n, 1, s, s), 0 to 1.
        anatomies: of each.
    """
    order = torch.randperm(len(pictures))
    chest = torch.tensor([anatomy in {"lung-ct", "chest-xray"} for anatomy in anatomies])
    out = pictures.clone()
    for way, chosen in enumerate(order.tensor_split(len(_WAYS))):
        if len(chosen):
            partner = torch.tensor([_stranger(int(each), anatomies) for each in chosen])
            out[chosen] = _WAYS[way](pictures[chosen], pictures[partner], chest[chosen].view(-1, 1, 1, 1))
    return out.clamp(0, 1)


def _stranger(number: int, anatomies: Sequence[str]) -> int:
    """A picture of another anatomy; any, where there is none."""
    strange = [at for at, anatomy in enumerate(anatomies) if anatomy != anatomies[number]] or list(
        range(len(anatomies))
    )
    return strange[int(torch.randint(len(strange), ()))]


def _shuffled(x: Tensor, partner: Tensor, chest: Tensor) -> Tensor:  # noqa: ARG001
    """Tiles in another order: 2 x 2 or 4 x 4."""
    tiles = 2 if torch.rand(()) < 0.5 else 4
    n, _, side, _ = x.shape
    cut = x.view(n, tiles, side // tiles, tiles, side // tiles).transpose(2, 3).reshape(n, tiles**2, -1)
    roll = 1 + int(torch.randint(tiles**2 - 1, ()))
    order = torch.arange(4).roll(roll) if tiles == 2 else torch.randperm(tiles**2)
    back = cut[:, order].view(n, tiles, tiles, side // tiles, side // tiles).transpose(2, 3)
    return back.reshape(n, 1, side, side)


def _magnified(x: Tensor, partner: Tensor, chest: Tensor) -> Tensor:
    """A small part, at a scale at which nothing is shown. Of chest CT that would be a nodule patch: then shuffled."""
    n = len(x)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 0.12 + 0.2 * torch.rand(n)
    theta[:, :, 2] = torch.rand(n, 2) - 0.5
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    part = functional.grid_sample(x, grid, align_corners=False)
    return torch.where(chest, _shuffled(x, partner, chest), part)


def _halves(x: Tensor, partner: Tensor, chest: Tensor) -> Tensor:  # noqa: ARG001
    """One anatomy beside or above another."""
    side = x.shape[2]
    at = int(torch.randint(side * 3 // 8, side * 5 // 8, ()))
    out = x.clone()
    if torch.rand(()) < 0.5:
        out[:, :, :at] = partner[:, :, :at]
    else:
        out[..., :at] = partner[..., :at]
    return out


def _doubled(x: Tensor, partner: Tensor, chest: Tensor) -> Tensor:  # noqa: ARG001
    """Two anatomies exposed upon each other."""
    share = 0.4 + 0.2 * torch.rand(len(x), 1, 1, 1)
    return share * x + (1 - share) * partner.transpose(2, 3)


def _scrambled(x: Tensor, partner: Tensor, chest: Tensor) -> Tensor:  # noqa: ARG001
    """The same power at each frequency, with phases of noise; half of them inside the outline of the picture."""
    size = torch.fft.rfft2(x).abs()
    noise = torch.fft.rfft2(torch.randn_like(x))
    y = torch.fft.irfft2(size * noise / noise.abs().clamp(min=1e-6), s=list(x.shape[2:]))
    y = (y - y.amin(dim=(2, 3), keepdim=True)) / (y.amax(dim=(2, 3), keepdim=True) - y.amin(dim=(2, 3), keepdim=True))
    inside = _outline(x)
    return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, y, y * inside + x * (1 - inside))


def _filled(x: Tensor, partner: Tensor, chest: Tensor) -> Tensor:
    """The outline of one anatomy with the inside of another; shuffled where the outline is the whole square."""
    inside = _outline(x)
    made = partner.flip(2) * inside + x * (1 - inside)
    partial = inside.mean(dim=(1, 2, 3), keepdim=True) < 0.7
    return torch.where(partial, made, _shuffled(x, partner, chest))


def _closed(x: Tensor, partner: Tensor, chest: Tensor) -> Tensor:
    """A chest whose lungs are filled by what surrounds them, with organs of chance in it; others as ``_filled``.

    Where there is next to nothing dark to fill, as in a narrow window, it would stay a chest: its tiles are shuffled.
    """
    full = _closing(x, 2 * (x.shape[2] // 6) + 1)
    closed = torch.where(x > full * 0.9, x, full)
    organs = 0.15 * (_blobs(len(x), x.shape[2]) - 0.5) * (full > 0.05)
    changed = (closed - x).abs().mean(dim=(1, 2, 3), keepdim=True) > 0.13
    made = torch.where(changed, closed + organs, _shuffled(x, partner, chest))
    return torch.where(chest, made, _filled(x, partner, chest))


def _invented(x: Tensor, partner: Tensor, chest: Tensor) -> Tensor:  # noqa: ARG001
    """A body that nobody has: an ellipse or several, textured, or noise of many scales over the whole square."""
    n, _, side, _ = x.shape
    across = torch.linspace(-1, 1, side)
    y = torch.zeros_like(x)
    for _ in range(int(torch.randint(0, 6, ()))):
        centre, radius, turn = torch.rand(n, 2) - 0.5, 0.05 + 0.7 * torch.rand(n, 2), torch.rand(n) * 6.3
        u = across[None, None, :] - centre[:, :1, None]
        v = across[None, :, None] - centre[:, 1:, None]
        c, s = turn.cos()[:, None, None], turn.sin()[:, None, None]
        form = ((u * c - v * s) / radius[:, :1, None]) ** 2 + ((u * s + v * c) / radius[:, 1:, None]) ** 2
        y = torch.where((form < 1)[:, None], torch.rand(n, 1, 1, 1), y)
    texture = _blobs(n, side)
    everywhere = torch.rand(n, 1, 1, 1) < 0.4
    return torch.where(everywhere, texture, y * (0.6 + 0.4 * texture))


def _blobs(n: int, side: int) -> Tensor:
    """Smooth noise of four scales, 0 to 1."""
    total = torch.zeros(n, 1, side, side)
    for cells in (3, 8, 24, 64):
        noise = torch.randn(n, 1, cells, cells) * torch.rand(n, 1, 1, 1)
        total = total + functional.interpolate(noise, size=(side, side), mode="bilinear")
    return torch.sigmoid(total)


def _outline(x: Tensor) -> Tensor:
    """1 inside what is brighter than the border of the picture, with holes closed; 0 outside."""
    bright = (x > x.mean(dim=(2, 3), keepdim=True) * 0.6).float()
    return _closing(bright, 15)


def _closing(x: Tensor, reach: int) -> Tensor:
    """Dark places smaller than a square of ``reach`` filled."""

    def widest(y: Tensor) -> Tensor:
        down = functional.max_pool2d(y, (reach, 1), 1, (reach // 2, 0))
        return functional.max_pool2d(down, (1, reach), 1, (0, reach // 2))

    return -widest(-widest(x))


_WAYS: tuple[Callable[[Tensor, Tensor, Tensor], Tensor], ...] = (
    _shuffled,
    _magnified,
    _halves,
    _doubled,
    _scrambled,
    _filled,
    _closed,
    _invented,
)

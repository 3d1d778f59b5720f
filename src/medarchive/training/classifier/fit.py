"""Fit: the one loop that trains every classifier. Goes on from its checkpoint; keeps a running mean of the weights."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

__all__ = ["Progress", "fit"]

_EVERY, _WARM, _MEMORY = 50, 100, 0.995


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is: batches done, of how many, and the mean loss of the last ones."""

    step: int
    steps: int
    loss: float

    def after(self, done: int, steps: int) -> "Progress":
        """The same as part of a longer run, of ``steps`` batches, ``done`` of them before this part."""
        return Progress(done + self.step, steps, self.loss)


def fit(
    net: nn.Module,
    loss: Callable[[nn.Module, torch.Generator], Tensor],
    *,
    steps: int,
    rate: float,
    checkpoint: Path,
    device: str = "cpu",
    seed: int = 0,
) -> Iterator[Progress]:
    """Train a network in place; at the end it has the running mean of its weights.

    Args:
        net: changed in place.
        loss: draws a batch by the generator, which is seeded by the step, and gives its loss.
        steps: batches.
        rate: highest learning rate; it rises over the first 100 steps and falls as a cosine.
        checkpoint: written every 50 steps; where it is there and of the same number of steps, training goes on from it.
        device: cpu or cuda.
        seed: of everything that is drawn.
    """
    net.to(device, memory_format=torch.channels_last)
    mean = {name: value.detach().clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    step = 0
    if checkpoint.exists():
        kept = torch.load(checkpoint, map_location=device, weights_only=True)
        if kept["steps"] == steps:
            net.load_state_dict(kept["net"])
            optimiser.load_state_dict(kept["optimiser"])
            mean, step = kept["mean"], kept["step"]
    total, counted = 0.0, 0
    net.train()
    while step < steps:
        torch.manual_seed(seed * 1_000_003 + step)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / _WARM) * 0.5 * (1.01 + math.cos(math.pi * step / steps))
        with torch.autocast(device.split(":", maxsplit=1)[0], torch.bfloat16):
            value = loss(net, torch.Generator().manual_seed(seed * 7_919 + step))
        optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        step += 1
        _blend(mean, net, min(_MEMORY, step / (step + 10)))
        total, counted = total + float(value.detach()), counted + 1
        if step % _EVERY == 0 or step == steps:
            state = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "mean": mean}
            beside = checkpoint.with_suffix(".new")
            torch.save({**state, "step": step, "steps": steps}, beside)
            beside.replace(checkpoint)
            yield Progress(step, steps, total / counted)
            total, counted = 0.0, 0
    net.load_state_dict(mean)
    net.eval()


def _blend(mean: dict[str, Tensor], net: nn.Module, memory: float) -> None:
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.dtype.is_floating_point:
                mean[name].lerp_(value.detach(), 1 - memory)
            else:
                mean[name].copy_(value)

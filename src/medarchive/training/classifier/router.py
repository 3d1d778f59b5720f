"""Router: the recipe of the network that says what part of the body a picture shows, and of its vectors."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from medarchive.training.classifier.anatomies import ANATOMIES, Anatomies, gather_anatomies
from medarchive.training.classifier.augment import Augment
from medarchive.training.classifier.contrastive import contrastive, to_proxies
from medarchive.training.classifier.fit import Progress, fit
from medarchive.training.classifier.others import others
from medarchive.training.classifier.router_export import calibrated, exported, measured
from medarchive.training.classifier.router_net import RouterNet
from medarchive.training.classifier.scattered import scattered

__all__ = ["Recipe", "train", "trained"]

_OTHER = ANATOMIES.index("other")
_MORE_OTHERS = 1.6  # so many parts of the body are among them
_LITTLE = Augment(turn=10, zoom=1.1, gamma=1.4, window=0.15, blur=0.3, noise=0.03)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the router is trained.

    Attributes:
        steps: batches.
        rate: highest learning rate.
        pictures: different ones in a batch; each is seen twice, once changed a little and once scattered.
        others: made-up ones in a batch, which are to be called "other".
        left_out: labels that are not trained on, to see what the router makes of what it never saw.
        seed: of everything that is drawn.
    """

    steps: int = 1000
    rate: float = 2e-3
    pictures: int = 36
    others: int = 20
    left_out: tuple[str, ...] = ()
    seed: int = 0


class _Batches:
    """Draws pictures: each anatomy as often as another, and in it each label by the root of how many there are."""

    def __init__(self, samples: Anatomies) -> None:
        self.samples = samples
        self.names = [row.anatomy for row in samples.rows]
        self.targets = torch.from_numpy(samples.targets)
        numbers = {label: at for at, label in enumerate(dict.fromkeys(row.label for row in samples.rows))}
        self.labels = torch.tensor([numbers[row.label] for row in samples.rows])
        counts = torch.bincount(self.labels).float()
        weight = counts[self.labels] ** -0.5
        shares = torch.zeros(len(ANATOMIES)).index_add(0, self.targets, weight)
        weight = weight / shares[self.targets]
        self.weight = torch.where(self.targets == _OTHER, _MORE_OTHERS * weight, weight)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, list[str], Tensor, Tensor]:
        chosen = torch.multinomial(self.weight, count, replacement=True, generator=generator)
        pixels = torch.from_numpy(self.samples.pixels[chosen.numpy()]).float().unsqueeze(1) / 255
        return pixels, [self.names[int(each)] for each in chosen], self.targets[chosen], self.labels[chosen]


def trained(samples: Anatomies, net: RouterNet, checkpoint: Path, recipe: Recipe, device: str) -> Iterator[Progress]:
    """Train a network in place on the training split of samples."""
    batches = _Batches(samples.where(lambda row: row.split == "train" and row.finding not in recipe.left_out))

    def loss(network: nn.Module, generator: torch.Generator) -> Tensor:
        pixels, names, targets, labels = batches.draw(recipe.pictures, generator)
        sources, kinds, _, _ = batches.draw(recipe.others, generator)
        made = scattered(others(sources, kinds), ["other"] * recipe.others)
        little = _LITTLE.shaded(*_LITTLE.moved(pixels))
        seen = torch.cat([little, scattered(pixels, names), made]).to(device)
        logits, vectors = network(seen.contiguous(memory_format=torch.channels_last))
        wanted = torch.cat([targets, targets, torch.full((recipe.others,), _OTHER)]).to(device)
        known = vectors[: 2 * recipe.pictures].float()
        twice = labels.repeat(2).to(device)
        return (
            functional.cross_entropy(logits.float(), wanted, label_smoothing=0.02)
            + 0.5 * to_proxies(known, twice, net.proxies)
            + 0.2 * contrastive(known, twice)
            + 0.1 * contrastive(vectors.float(), torch.where(wanted == _OTHER, -1, wanted))
        )

    yield from fit(
        net, loss, steps=recipe.steps, rate=recipe.rate, checkpoint=checkpoint, device=device, seed=recipe.seed
    )


def train(data: Path, out: Path, recipe: Recipe, device: str = "cpu") -> Iterator[Progress]:
    """Train, calibrate and export to ``router.onnx`` and ``router.json`` in a folder.

    Args:
        data: see ``gather_anatomies``.
        out: made where it is not there; training goes on from a checkpoint in it.
        recipe: see Recipe.
        device: cpu or cuda.
    """
    out.mkdir(parents=True, exist_ok=True)
    samples = gather_anatomies(data)
    torch.manual_seed(recipe.seed)
    net = RouterNet(len(ANATOMIES), len({row.label for row in samples.rows}))
    yield from trained(samples, net, out / "router.checkpoint", recipe, device)
    shipped, limits = calibrated(net.cpu(), samples)
    facts = {
        "temperature": shipped.divisor,
        "thresholds": limits,
        "recipe": asdict(recipe),
        "data": _described(samples),
    }
    exported(shipped, out, {**facts, "measures": measured(shipped, limits, samples)})


def _described(samples: Anatomies) -> dict[str, dict[str, int]]:
    """How many pictures of each collection were in each split."""
    out: dict[str, dict[str, int]] = {}
    for row in samples.rows:
        counts = out.setdefault(row.dataset, {"train": 0, "validation": 0, "test": 0})
        counts[row.split] += 1
    return out

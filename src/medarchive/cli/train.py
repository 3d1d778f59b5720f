"""``train``: make the models that the codecs and classifiers ship with."""

from dataclasses import replace
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from medarchive.cli.options import with_settings
from medarchive.errors import SettingsError
from medarchive.settings import Settings

__all__ = ["train"]


class Trained(StrEnum):
    """What can be trained."""

    predictive = "predictive"
    autoencoder = "autoencoder"
    lifting = "lifting"
    classifier = "classifier"


class Network(StrEnum):
    """The networks of ``medarchive.insight``."""

    brain = "brain"
    lung_ct = "lung-ct"
    lung_nodule = "lung-nodule"
    chest_xray = "chest-xray"
    router = "router"


@with_settings
def train(  # noqa: PLR0913, PLR0917  # one option more than elsewhere
    settings: Settings,  # noqa: ARG001  # every command has them
    what: Annotated[
        Trained,
        typer.Argument(metavar="MODEL", help="What to train: predictive, autoencoder, lifting or classifier."),
    ],
    data: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="DICOM files; CATALOG.tsv there splits them. Classifier: pictures that MANIFEST.csv labels.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="For checkpoints and the model.")] = Path(
        "model"
    ),
    steps: Annotated[int | None, typer.Option(min=1, help="Batches; otherwise as many as the recipe has.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda; lifting: cpu.")] = "cpu",
    workers: Annotated[int, typer.Option(min=1, help="Processes that prepare batches (autoencoder).")] = 1,
    network: Annotated[
        Network | None,
        typer.Option(help="Which classifier: brain, lung-ct, lung-nodule, chest-xray or router."),
    ] = None,
) -> None:
    """Train a model of a codec or a classifier on your own images: extra `neural`. Goes on where a run in DIR stopped.

    With the default number of steps about an hour on two cores. Images of one patient are never in both splits.

    Examples:
      medarchive train predictive --data /data/ct --out model
      medarchive train autoencoder --data /data/ct --device cuda --workers 8
      medarchive train lifting --data /data/ct --out transform
      medarchive train classifier --network brain --data /data/labelled --out model
    """
    if what is Trained.classifier and network is None:
        names = ", ".join(each.value for each in Network)
        raise SettingsError(f"train classifier: --network says which one: {names}")
    try:
        if what is Trained.predictive:
            _predictive(data, out, steps, seed, device)
        elif what is Trained.autoencoder:
            _autoencoder(data, out, steps, seed, device, workers)
        elif network is not None and what is Trained.classifier:
            _classifier(data, out, network, steps, seed, device)
        else:
            _lifting(data, out, steps, seed)
    except ImportError as error:
        raise SettingsError(f"{error}; training needs the extra: pip install 'medarchive[neural]'") from error


def _predictive(data: Path, out: Path, steps: int | None, seed: int, device: str) -> None:
    from medarchive.training import predictive

    recipe = predictive.Recipe(seed=seed) if steps is None else predictive.Recipe(steps=steps, seed=seed)
    typer.echo("gathering pixels", err=True)
    for progress in predictive.train(data, out, recipe, device):
        _report(progress.step, recipe.steps, f"{progress.validation:.4f} bits a pixel")
    typer.echo(str(out / "model.medp"))


def _autoencoder(data: Path, out: Path, steps: int | None, seed: int, device: str, workers: int) -> None:
    from medarchive.training import autoencoder

    recipe = autoencoder.Recipe(seed=seed) if steps is None else autoencoder.Recipe(steps=steps, seed=seed)
    typer.echo("reading images", err=True)
    for progress in autoencoder.train(data, out, recipe, device, workers):
        share = f"{progress.validation:.4f} of the bits of independent coefficients"
        _report(progress.step, recipe.steps, share)
    typer.echo(str(out / "model.medt"))


def _lifting(data: Path, out: Path, steps: int | None, seed: int) -> None:
    from medarchive.training import lifting

    recipe = lifting.Recipe(seed=seed) if steps is None else lifting.Recipe(steps=steps, seed=seed)
    typer.echo("reading images", err=True)
    for progress in lifting.train(data, out, recipe):
        _report(progress.step, recipe.steps, f"{100 * progress.saved:.2f} % of the bits saved")
    typer.echo(str(out / "model.medl"))


def _classifier(data: Path, out: Path, network: Network, steps: int | None, seed: int, device: str) -> None:
    name = network.value
    module = import_module(f"medarchive.training.classifier.{name if name in ('brain', 'router') else 'lung'}")
    recipe = module.RECIPES[name] if hasattr(module, "RECIPES") else module.Recipe()
    recipe = replace(recipe, seed=seed) if steps is None else replace(recipe, seed=seed, steps=steps)
    typer.echo("reading pictures", err=True)
    for progress in module.train(data, out, recipe, device):
        typer.echo(f"step {progress.step} of {progress.steps}: loss {progress.loss:.4f}", err=True)
    typer.echo(str(out / f"{name}.onnx"))


def _report(step: int, steps: int, validation: str) -> None:
    typer.echo(f"step {step} of {steps}: validation {validation}", err=True)

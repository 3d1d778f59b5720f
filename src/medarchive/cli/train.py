"""``train``: make the models that the codecs and classifiers ship with."""

from enum import StrEnum
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


@with_settings
def train(
    settings: Settings,  # noqa: ARG001  # every command has them
    what: Annotated[
        Trained, typer.Argument(metavar="MODEL", help="What to train: predictive, autoencoder or lifting.")
    ],
    data: Annotated[Path, typer.Option(metavar="DIR", help="DICOM files; CATALOG.tsv there splits them.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="For checkpoints and the model.")] = Path(
        "model"
    ),
    steps: Annotated[int | None, typer.Option(min=1, help="Batches; otherwise as many as the recipe has.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda; lifting: cpu.")] = "cpu",
    workers: Annotated[int, typer.Option(min=1, help="Processes that prepare batches (autoencoder).")] = 1,
) -> None:
    """Train a codec's model on your own images. Needs the extra `neural`; goes on where a run in DIR stopped.

    With the default number of steps about an hour on two cores. Images of one patient are never in both splits.

    Examples:
      medarchive train predictive --data /data/ct --out model
      medarchive train autoencoder --data /data/ct --device cuda --workers 8
      medarchive train lifting --data /data/ct --out transform
    """
    try:
        if what is Trained.predictive:
            _predictive(data, out, steps, seed, device)
        elif what is Trained.autoencoder:
            _autoencoder(data, out, steps, seed, device, workers)
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


def _report(step: int, steps: int, validation: str) -> None:
    typer.echo(f"step {step} of {steps}: validation {validation}", err=True)

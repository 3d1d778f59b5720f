"""``train``: make the models that the codecs and classifiers ship with."""

from pathlib import Path
from typing import Annotated

import typer

from medarchive.cli.options import with_settings
from medarchive.errors import SettingsError
from medarchive.settings import Settings

__all__ = ["train"]

_STEPS = 60_000


@with_settings
def train(
    settings: Settings,  # noqa: ARG001  # every command has them
    what: Annotated[str, typer.Argument(metavar="MODEL", help="What to train: predictive.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="DICOM files; CATALOG.tsv there splits them.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="For checkpoints and the model.")] = Path(
        "model"
    ),
    steps: Annotated[int, typer.Option(min=1, help="Batches of 8,192 pixels.")] = _STEPS,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train a codec's model on your own images. Needs the extra `neural`; goes on where a run in DIR stopped.

    With the default number of steps about an hour on two cores. Images of one patient are never in both splits.

    Examples:
      medarchive train predictive --data /data/ct --out model
      medarchive train predictive --data /data/ct --device cuda
    """
    if what != "predictive":
        raise SettingsError(f"no model {what!r} to train; there is: predictive")
    try:
        from medarchive.training import predictive
    except ImportError as error:
        raise SettingsError(f"{error}; training needs the extra: pip install 'medarchive[neural]'") from error
    typer.echo("gathering pixels", err=True)
    for progress in predictive.train(data, out, predictive.Recipe(steps=steps, seed=seed), device):
        typer.echo(f"step {progress.step} of {steps}: validation {progress.validation:.4f} bits a pixel", err=True)
    typer.echo(str(out / "model.medp"))

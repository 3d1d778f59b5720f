"""Options that every command shares, before or after the command's name."""

import functools
import inspect
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from medarchive.settings import Settings

__all__ = ["Archive", "Common", "SettingsFile", "Verbose", "with_settings"]

Archive = Annotated[
    Path | None,
    typer.Option(
        "--archive", "-a", metavar="DIR", help="The archive's folder, created on first use [MEDARCHIVE_ARCHIVE]."
    ),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="A TOML file with settings; variables and flags win over it."),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr what is going on.")]


@dataclass(frozen=True, slots=True)
class Common:
    """What was given before the command's name."""

    archive: Path | None = None
    settings: Path | None = None
    verbose: bool = False


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options; it receives what they come to as its first argument, ``settings``.

    An option after the command's name wins over the same one before it.
    """

    @functools.wraps(command)
    def run(
        context: typer.Context, archive: Archive, settings_file: SettingsFile, verbose: Verbose, **arguments: object
    ) -> None:
        before: Common = context.obj or Common()
        _log_to_stderr(verbose=verbose or before.verbose)
        settings = Settings.load(settings_file or before.settings, archive=archive or before.archive)
        command(settings, **arguments)

    kind = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter("context", kind, annotation=typer.Context),
        inspect.Parameter("archive", kind, default=None, annotation=Archive),
        inspect.Parameter("settings_file", kind, default=None, annotation=SettingsFile),
        inspect.Parameter("verbose", kind, default=False, annotation=Verbose),
    ]
    own = [p.replace(kind=kind) for p in list(inspect.signature(command).parameters.values())[1:]]
    # typer reads the signature in its newer releases and the annotations in its older ones
    run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *shared)}
    del run.__wrapped__  # or inspect would look through to the command's own signature
    return run


def _log_to_stderr(*, verbose: bool) -> None:
    """Warnings always, our own news when asked for. Libraries stay at warnings: theirs may name patients."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    if verbose:
        logging.getLogger("medarchive").setLevel(logging.INFO)

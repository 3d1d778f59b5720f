"""The ``medarchive`` command: its commands, and errors turned into one line and an exit code."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from medarchive import __version__
from medarchive.cli import arrays, demo, find, get, ingest, serve, upkeep
from medarchive.cli.exits import FILE_ERROR
from medarchive.cli.options import Archive, Common, SettingsFile, Verbose
from medarchive.errors import MedarchiveError

__all__ = ["app", "main"]

app = typer.Typer(
    name="medarchive",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

_KEEP, _LOOK, _RUN, _ARRAYS = "Keep", "Look and fetch", "Run", "Arrays"

app.command(rich_help_panel=_KEEP)(ingest.init)
app.command(rich_help_panel=_KEEP)(ingest.ingest)
app.command(rich_help_panel=_LOOK)(find.find)
app.command(rich_help_panel=_LOOK)(get.get)
app.command(rich_help_panel=_LOOK)(find.show)
app.command(rich_help_panel=_LOOK)(find.stats)
app.command(rich_help_panel=_RUN)(serve.serve)
app.command(rich_help_panel=_RUN)(serve.jobs)
app.command(rich_help_panel=_KEEP)(upkeep.check)
app.command(rich_help_panel=_KEEP)(upkeep.delete)
app.command(rich_help_panel=_KEEP)(upkeep.undelete)
app.command(rich_help_panel=_KEEP)(upkeep.collect)
app.command(rich_help_panel=_ARRAYS)(arrays.encode)
app.command(rich_help_panel=_ARRAYS)(arrays.decode)
app.command(rich_help_panel=_ARRAYS)(arrays.codecs)
app.command(rich_help_panel=_RUN)(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"medarchive {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    archive: Archive = None,
    settings: SettingsFile = None,
    verbose: Verbose = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """A DICOM archive that proves, before it drops a byte, that it can give every object back."""
    context.obj = Common(archive, settings, verbose)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit with its code: 0, or that of the error's class.

    Args:
        arguments: without the program's name; None takes the process's own.
    """
    try:
        app(arguments, prog_name="medarchive")
    except MedarchiveError as error:
        typer.echo(f"medarchive: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        typer.echo(f"medarchive: {error}", err=True)
        sys.exit(FILE_ERROR)

"""The ``medarchive`` command: its commands, and errors turned into one line and an exit code."""

import inspect
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from medarchive import __version__
from medarchive.cli import (
    arrays,
    audit,
    bench,
    bench_lossy,
    bench_profile,
    classify,
    commitments,
    compress,
    demo,
    fidelity,
    find,
    findings,
    get,
    ingest,
    jobs,
    policy,
    serve,
    train,
    upkeep,
    users,
)
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

_COMMANDS = {
    "Keep": (
        *(ingest.init, ingest.ingest, compress.compress),
        *(upkeep.check, upkeep.delete, upkeep.undelete, upkeep.collect),
    ),
    "Look and fetch": (find.find, find.show, find.stats, get.get),
    "Read images": (classify.classify, findings.findings, findings.similar),
    "Run": (serve.serve, jobs.jobs, commitments.commitments, audit.audit, demo.demo),
    "Arrays": (
        arrays.encode,
        arrays.decode,
        arrays.codecs,
        fidelity.fidelity,
        bench.bench,
        bench_lossy.bench_lossy,
        bench_profile.bench_profile,
        train.train,
    ),
}


def _help(docstring: str) -> str:
    """A docstring whose paragraphs are one line each, as a terminal of any width wants them; examples stay."""
    text, examples, rest = inspect.cleandoc(docstring).partition("\nExamples:")
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]
    return "\n\n".join([*paragraphs, examples + rest])


for _panel, _functions in _COMMANDS.items():
    for _function in _functions:
        app.command(help=_help(_function.__doc__ or ""), rich_help_panel=_panel)(_function)

_policy = typer.Typer(
    no_args_is_help=True,
    help="Rules that say which stored images may lose something.\n\n\b\nExamples:\n  medarchive policy test",
)
for _name, _function in {"show": policy.show, "test": policy.look, "apply": policy.apply, "undo": policy.undo}.items():
    _policy.command(_name, help=_help(_function.__doc__ or ""))(_function)
app.add_typer(_policy, name="policy", rich_help_panel="Keep")

_users = typer.Typer(
    no_args_is_help=True,
    help="Accounts of the web face.\n\n\b\nExamples:\n  medarchive users add anna --role administrator",
)
_of_users = {
    "list": users.list_,
    "add": users.add,
    "approve": users.approve,
    "role": users.role_,
    "disable": users.disable,
    "enable": users.enable,
    "reset-link": users.reset_link,
}
for _name, _function in _of_users.items():
    _users.command(_name, help=_help(_function.__doc__ or ""))(_function)
app.add_typer(_users, name="users", rich_help_panel="Run")

app.command(hidden=True)(serve.beside)
app.command(hidden=True)(serve.web)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"medarchive {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    *,
    archive: Archive = None,
    settings: SettingsFile = None,
    verbose: Verbose = False,
    version: Annotated[  # noqa: ARG001  # its callback does the work
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

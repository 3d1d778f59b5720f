"""``get``: write instances to files, as they were received or in another transfer syntax."""

from pathlib import Path
from typing import Annotated

import typer

from medarchive.cli.drawing import echo_json, size
from medarchive.cli.options import with_settings
from medarchive.cli.progress import followed
from medarchive.settings import Settings

__all__ = ["get"]

_SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "htj2k": "1.2.840.10008.1.2.4.201",
    "jpeg-2000": "1.2.840.10008.1.2.4.90",
    "jpeg-xl": "1.2.840.10008.1.2.4.110",
    "rle": "1.2.840.10008.1.2.5",
}


@with_settings
def get(
    settings: Settings,
    uids: Annotated[
        list[str], typer.Argument(metavar="UID...", help="Of instances, series or studies, or Patient IDs.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write; created.")] = Path(),
    transfer_syntax: Annotated[
        str | None,
        typer.Option(
            "--transfer-syntax",
            "-t",
            help=f"{', '.join(f'`{name}`' for name in _SYNTAXES)}, or a UID; all lossless. Without it, as received.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that have other content.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the files as JSON.")] = False,
) -> None:
    """Write instances to files, one each, named by SOP Instance UID.

    Without --transfer-syntax a file is byte for byte what was received; its SHA-256 is compared before anything is
    written. A file appears under its name when it is whole. One that is there with other content stays, unless --force.

    Examples:
      medarchive get 1.2.840.113619.2.5.1762583153 -o restored
      medarchive get 1.2.3.4 1.2.3.5 -o restored --transfer-syntax explicit
      medarchive get 1.2.3.4 -o exported --transfer-syntax jpeg-ls
    """
    from medarchive.archive.archive import Archive
    from medarchive.cli.files import write_once
    from medarchive.cli.lookup import below

    target = _syntax(transfer_syntax)
    written: list[dict[str, str]] = []
    total = 0
    with Archive.open(settings) as archive:
        records = list(dict.fromkeys(record for uid in uids for record in below(archive, uid)))
        output.mkdir(parents=True, exist_ok=True)
        for record in followed(records, "writing", len(records)):
            path = output / _file_name(record.uid)
            with archive.load(record.uid, transfer_syntax=target) as stream:
                total += write_once(path, stream, replace=force)
            syntax = target or record.transfer_syntax
            written.append({"path": str(path), "SOPInstanceUID": record.uid, "TransferSyntaxUID": syntax})
    if as_json:
        echo_json(written)
    else:
        typer.echo(f"{len(written)} files, {size(total)}, in {output.absolute()}")


def _syntax(name: str | None) -> str | None:
    """The UID of a transfer syntax by our short name, its keyword (PS3.6) or itself."""
    import pydicom.uid

    if name is None:
        return None
    uid = getattr(pydicom.uid, name, None)
    return str(uid) if isinstance(uid, pydicom.uid.UID) else _SYNTAXES.get(name.lower(), name)


def _file_name(uid: str) -> str:
    """A name for an instance's file that no odd UID can lead out of its folder; another UID has another name."""
    if len(uid) <= 128 and set(uid) <= set("0123456789."):
        return f"{uid}.dcm"
    import hashlib

    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign in ".-") else "_" for sign in uid[:64])
    return f"{safe}-{hashlib.sha256(uid.encode()).hexdigest()[:16]}.dcm"

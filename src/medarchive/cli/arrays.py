"""``encode``, ``decode`` and ``codecs``: the compression library, without an archive."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medarchive.cli.drawing import draw_table, echo_json, size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medarchive.codecs.fidelity import Rescale

__all__ = ["codecs", "decode", "encode"]

File = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What to read.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", dir_okay=False, help="What to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace OUT where it has other content.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")]


def encode(  # noqa: PLR0913, PLR0917  # a parameter for each option
    file: File,
    out: Out,
    codec: Annotated[str | None, typer.Option(help="One of `medarchive codecs`; otherwise the smallest.")] = None,
    bits: Annotated[int | None, typer.Option(min=1, max=32, help="Significant bits; otherwise as few as do.")] = None,
    max_error: Annotated[int, typer.Option("--max-error", min=0, help="0 is lossless; n: no value off by more.")] = 0,
    quality: Annotated[float | None, typer.Option(min=1, max=100, help="Lossy: 1 is small, 100 close to it.")] = None,
    profile: Annotated[str | None, typer.Option(help="Lossy: as small as this fidelity profile allows.")] = None,
    effort: Annotated[int | None, typer.Option(min=1, max=9, help="1 is quick, 9 is small; otherwise 7.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Encode the pixels of a NumPy file (.npy) or of a DICOM file.

    Of a DICOM file the stored values of all frames are taken, and nothing else: to keep the object, `ingest` it.

    Examples:
      medarchive encode slices.npy slices.meda
      medarchive encode image.dcm image.meda --codec jpegxl --effort 9
      medarchive encode slices.npy near.meda --max-error 2
      medarchive encode image.dcm small.meda --quality 50
      medarchive encode chest.dcm chest.meda --profile ct-chest
    """
    from medarchive.codecs import api

    array, stored_bits, rescale = _pixels(file)
    data = api.encode(
        array,
        codec=codec,
        bits=bits or stored_bits,
        max_error=max_error,
        quality=quality,
        profile=profile,
        rescale=rescale,
        effort=effort,
    )
    _write(out, data, force=force)
    seen = api.inspect(data)
    if as_json:
        echo_json(asdict(seen) | {"path": str(out)})
        return
    shape = " x ".join(map(str, seen.shape))
    worst = seen.worst_error
    how = "lossless" if worst == 0 else f"no value off by more than {worst}"
    typer.echo(
        f"{out}: {shape} {seen.dtype}, {seen.bits} bits, {seen.codec}, {how}: {size(seen.raw_bytes)} in "
        f"{size(seen.bytes)}, ratio {seen.ratio:.2f}"
    )


def decode(
    file: File,
    out: Out,
    preview: Annotated[bool, typer.Option("--preview", help="Only what a bounded stream has in front.")] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Decode what `encode` wrote, into a NumPy file (.npy) of the same shape and dtype.

    Examples:
      medarchive decode slices.meda slices.npy
      medarchive decode near.meda soon.npy --preview
    """
    import io

    import numpy as np

    from medarchive.codecs import api

    array = (api.preview if preview else api.decode)(file.read_bytes())
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    _write(out, buffer.getvalue(), force=force)
    if as_json:
        echo_json({"path": str(out), "shape": array.shape, "dtype": str(array.dtype), "bytes": array.nbytes})
    else:
        typer.echo(f"{out}: {' x '.join(map(str, array.shape))} {array.dtype}, {size(array.nbytes)}")


def codecs(as_json: AsJson = False) -> None:
    """List the codecs, and whether they can be used here.

    Examples:
      medarchive codecs
    """
    from medarchive.codecs.registry import describe

    found = describe()
    if as_json:
        echo_json([asdict(codec) for codec in found])
    else:
        draw_table(
            ["codec", "what", "here"],
            ((c.name, c.title, (c.remark or "yes") if c.available else c.trouble) for c in found),
        )


def _pixels(file: Path) -> "tuple[NDArray[np.integer[Any]], int | None, Rescale | tuple[float, float]]":
    """The pixels of a file, how many of their bits it calls significant, and what a stored unit is.

    A NumPy file's values are taken to be in the unit of whatever profile they are held against.

    Raises:
        UnsupportedImage: a NumPy file of something else than an array of numbers.
        NotDicom: neither a NumPy nor a DICOM file.
    """
    import numpy as np

    from medarchive.dicom.frames import all_frames
    from medarchive.dicom.subject import read_subject
    from medarchive.errors import UnsupportedImage

    with file.open("rb") as stream:
        if stream.read(6) == b"\x93NUMPY":
            stream.seek(0)
            try:
                return np.load(stream, allow_pickle=False), None, (1.0, 0.0)
            except (ValueError, EOFError) as error:
                raise UnsupportedImage(f"{file}: {error}") from error
        stream.seek(0)
        frames = list(all_frames(stream))
        stream.seek(0)
        rescale = read_subject(stream).rescale
    array = np.concatenate([frame.pixels for frame in frames])
    return array if array.shape[3] > 1 else array[..., 0], frames[0].bits, rescale


def _write(out: Path, data: bytes, *, force: bool) -> None:
    import io

    from medarchive.cli.files import write_once

    write_once(out, io.BytesIO(data), replace=force)

"""``demo``: the whole way once, over the network and back, on real objects."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medarchive.cli.drawing import draw_table, echo_json, ratio, size
from medarchive.cli.exits import DIFFERENT
from medarchive.cli.options import with_settings
from medarchive.cli.progress import followed
from medarchive.settings import Peer, Settings

if TYPE_CHECKING:
    from medarchive.archive.archive import Archive
    from medarchive.cli.modality import Modality, Sent

__all__ = ["demo"]

_OBJECTS = {
    "CT_small.dcm": "CT, private tags",
    "examples_overlay.dcm": "MR, overlay, private tags",
    "MR_small_bigendian.dcm": "MR, big endian",
    "examples_palette.dcm": "US, palette colour",
    "examples_rgb_color.dcm": "US, RGB",
    "examples_ybr_color.dcm": "US, 30 frames, JPEG",
    "examples_jpeg2k.dcm": "US, JPEG 2000",
    "J2K_pixelrep_mismatch.dcm": "CT, JPEG 2000, private tags",
    "JPGExtended.dcm": "NM, JPEG Extended",
    "JPEGLSNearLossless_16.dcm": "JPEG-LS",
    "SC_rgb_rle_2frame.dcm": "2 frames, RLE",
    "SC_ybr_full_422_uncompressed.dcm": "native YBR 4:2:2",
    "rtdose.dcm": "RT dose, 15 frames, 32 bits",
    "liver_1frame.dcm": "segmentation, 1 bit",
    "image_dfl.dcm": "deflated",
    "waveform_ecg.dcm": "ECG, no pixels",
    "test-SR.dcm": "report, no pixels",
}
"""Of the files that pydicom ships: enough to meet every way in which objects differ."""

_AE_TITLE = "DEMO"


@dataclass(frozen=True, slots=True)
class _Line:
    """What the table says of an object, or of the volume."""

    object: str
    what: str
    modality: str
    bytes_in: int
    bytes_kept: int
    codec: str
    identical: bool
    seconds: float


@with_settings
def demo(
    settings: Settings,
    slices: Annotated[int, typer.Option(min=1, max=500, help="Slices of the synthetic volume.")] = 24,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Send real and synthetic objects to a node by C-STORE, fetch them by C-GET and C-MOVE, and compare every byte.

    The node listens on a free port of the loopback interface for as long as that takes. The archive stays, in
    ./demo-archive unless --archive says otherwise, to look around in. The exit code is 51 where anything differs.

    Examples:
      medarchive demo
      medarchive demo --archive /tmp/try --slices 100
    """
    import pydicom

    from medarchive.archive.archive import Archive
    from medarchive.cli.modality import Modality
    from medarchive.cli.phantom import chest_ct
    from medarchive.dicom_node.node import Node

    if settings.archive == Settings().archive:
        settings = settings.changed(archive="demo-archive")
    shipped = Path(pydicom.__file__).parent / "data" / "test_files"
    with tempfile.TemporaryDirectory() as scratch:
        files = [shipped / name for name in _OBJECTS]
        for number, data in enumerate(followed(chest_ct(slices), "drawing the volume", slices), 1):
            files.append(Path(scratch, f"slice{number:03}.dcm"))
            files[-1].write_bytes(data)
        with Modality(_AE_TITLE, files) as modality:
            peer = Peer(_AE_TITLE, "127.0.0.1", modality.port)
            others = [known for known in settings.peers if known.ae_title != _AE_TITLE]
            settings = settings.changed(host="127.0.0.1", port=0, peers=[*others, peer])
            with Archive.open(settings) as archive, Node(archive) as node:
                lines = _round_trip(archive, modality, node.port, files)
    if as_json:
        echo_json([asdict(line) for line in lines])
    else:
        _draw(lines, settings.archive)
    if not all(line.identical for line in lines):
        raise typer.Exit(DIFFERENT)


def _round_trip(archive: "Archive", modality: "Modality", port: int, files: Sequence[Path]) -> list[_Line]:
    """There and back again; what became of each object, the slices together."""
    from medarchive.dicom.part10 import read_header

    sent = list(followed(modality.send(port, files), "C-STORE", len(files)))
    for _ in followed(archive.compress(wait_for_all=True), "compressing", archive.waiting()):
        pass
    uids, datasets, studies = {}, {}, {}
    for file in files:
        with file.open("rb") as stream:
            header = read_header(stream)
            uids[file], studies[file] = header.text(0x00080018, "UI"), header.text(0x0020000D, "UI")
            stream.seek(header.dataset_offset)
            datasets[file] = stream.read()
    wanted = sorted(set(studies.values()))
    listed = {str(study.StudyInstanceUID) for study in modality.find(port, PatientName="*", StudyInstanceUID="")}
    got, moved = modality.get(port, wanted), modality.move(port, wanted)
    return _lines(
        archive,
        sent,
        uids,
        {
            file: studies[file] in listed and datasets[file] == got.get(uids[file]) == moved.get(uids[file])
            for file in files
        },
    )

"""A round trip: objects over the network into an archive and back, every byte compared."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom

from medarchive.archive.archive import Archive
from medarchive.cli.modality import Modality
from medarchive.cli.phantom import chest_ct
from medarchive.cli.progress import followed
from medarchive.cli.reading import reader_for
from medarchive.dicom.part10 import read_header
from medarchive.dicom_node.node import Node
from medarchive.settings import Peer, Settings

__all__ = ["SHIPPED", "Trip", "round_trip"]

SHIPPED = {
    "CT_small.dcm": "private tags",
    "examples_overlay.dcm": "overlay, private tags",
    "MR_small_jpeg_ls_lossless.dcm": "JPEG-LS",
    "ExplVR_BigEnd.dcm": "big endian",
    "examples_palette.dcm": "palette colour",
    "examples_rgb_color.dcm": "RGB",
    "examples_ybr_color.dcm": "30 frames, JPEG",
    "examples_jpeg2k.dcm": "JPEG 2000",
    "J2K_pixelrep_mismatch.dcm": "JPEG 2000, private tags",
    "JPGExtended.dcm": "JPEG Extended",
    "SC_rgb_rle_2frame.dcm": "2 frames, RLE",
    "SC_rgb_jpeg_dcmd.dcm": "RGB, implicit VR",
    "SC_ybr_full_422_uncompressed.dcm": "native YBR 4:2:2",
    "rtdose_rle.dcm": "15 frames, RLE",
    "liver_1frame.dcm": "one bit a pixel",
    "image_dfl.dcm": "deflated",
    "waveform_ecg.dcm": "waveform, no pixels",
    "test-SR.dcm": "report, no pixels",
}
"""Of the files that pydicom ships: enough to meet every way in which objects differ."""

VOLUME = "volume"
_AE_TITLE = "DEMO"
_UID, _STUDY = 0x00080018, 0x0020000D


@dataclass(frozen=True, slots=True)
class Trip:
    """What became of one object.

    Attributes:
        name: of the shipped file, or ``VOLUME`` for the slices that were made.
        what: is special about it.
        modality: as the catalogue has it.
        bytes_in: of the Part 10 file as the node stored it.
        bytes_kept: of what is kept for it.
        codec: that holds the pixels, or how the file is kept.
        status: of the C-STORE response; None where there was none.
        found: whether C-FIND lists its study.
        got: whether C-GET brought back the data set that was sent.
        moved: whether C-MOVE did.
        seconds: from C-STORE request to response.
        seen: what the networks read in its series; "" where nothing reads here, or nothing was read.
    """

    name: str
    what: str
    modality: str
    bytes_in: int
    bytes_kept: int
    codec: str
    status: int | None
    found: bool
    got: bool
    moved: bool
    seconds: float
    seen: str

    @property
    def identical(self) -> bool:
        """Whether it came back both ways as it was sent."""
        return self.status == 0 and self.found and self.got and self.moved


def round_trip(settings: Settings, slices: int) -> Iterator[Trip]:
    """Send the shipped objects and a synthetic volume to a node; compress, read; find, get, move, compare.

    Args:
        settings: of the archive; where the node listens is decided here.
        slices: of the volume.
    """
    with tempfile.TemporaryDirectory() as scratch:
        files = [Path(pydicom.__file__).parent / "data" / "test_files" / name for name in SHIPPED]
        for number, data in enumerate(followed(chest_ct(slices), "drawing the volume", slices), 1):
            files.append(Path(scratch, f"{number:04}.dcm"))
            files[-1].write_bytes(data)
        objects = [_Object(file) for file in files]
        with (
            Modality(_AE_TITLE, settings.ae_title, files) as modality,
            _node(settings, modality.port) as (archive, port),
        ):
            sent = list(followed(modality.send(port, files), "C-STORE", len(files)))
            for _ in followed(archive.compress(wait_for_all=True), "compressing", archive.waiting()):
                pass
            series = sorted({archive.instance(one.uid).series_uid for one in objects})
            for _ in followed(archive.compress_together(series), "coding slices together", None):
                pass
            for _ in followed(archive.read_now(series), "reading images: series", None):
                pass
            studies = sorted({one.study for one in objects})
            listed = {
                str(found.StudyInstanceUID) for found in modality.find(port, StudyInstanceUID="", PatientName="*")
            }
            got, moved = modality.get(port, studies), modality.move(port, studies)
            for one, way in zip(objects, sent, strict=True):
                kept = archive.instance(one.uid)
                yield Trip(
                    name=one.file.name if one.file.name in SHIPPED else VOLUME,
                    what=SHIPPED.get(one.file.name, f"synthetic, {slices} slices"),
                    modality=kept.modality,
                    bytes_in=kept.size,
                    bytes_kept=kept.stored_bytes,
                    codec=kept.codec,
                    status=way.status,
                    found=one.study in listed,
                    got=got.get(one.uid) == one.dataset,
                    moved=moved.get(one.uid) == one.dataset,
                    seconds=way.seconds,
                    seen=_seen(archive, one.uid),
                )


def _seen(archive: Archive, uid: str) -> str:
    """The newest reading of an instance's series, in a few words."""
    found = [each for each in archive.findings(uid) if each.pooled and each.superseded_at is None]
    if not found or not found[-1].anatomy:
        return ""
    newest = found[-1]
    if newest.finding:
        return f"{newest.anatomy}: {newest.finding} {newest.probabilities.get(newest.finding, 0):.2f}"
    return f"{newest.anatomy}: not sure" if newest.abstained else newest.anatomy


class _Object:
    """What is sent, as it is on disk."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with file.open("rb") as stream:
            header = read_header(stream)
            stream.seek(header.dataset_offset)
            self.dataset = stream.read()
        self.uid, self.study = (header.text(tag, "UI").strip(" \0") for tag in (_UID, _STUDY))


@contextmanager
def _node(settings: Settings, port: int) -> Iterator[tuple[Archive, int]]:
    """A node on a free port of the loopback interface that knows the modality at ``port``."""
    others = [peer for peer in settings.peers if peer.ae_title != _AE_TITLE]
    peers = [*others, Peer(_AE_TITLE, "127.0.0.1", port)]
    settings = settings.changed(host="127.0.0.1", port=0, peers=peers)
    with Archive.open(settings, reader=reader_for(settings)) as archive, Node(archive) as node:
        yield archive, node.port

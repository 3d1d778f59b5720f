"""Views: DICOM objects that train, as a display would show them."""

from pathlib import Path

from medarchive.view import View

__all__ = ["views"]


def views(path: Path, *, middle: bool = False) -> list[View]:
    """The frames of an object, or its middle one alone; none where it cannot be decoded."""
    import pydicom  # noqa: PLC0415  # only where there are DICOM files

    from medarchive.dicom.display import view  # noqa: PLC0415
    from medarchive.dicom.frames import file_frame  # noqa: PLC0415
    from medarchive.errors import MedarchiveError  # noqa: PLC0415

    header = pydicom.dcmread(path, stop_before_pixels=True)
    count = int(header.get("NumberOfFrames") or 1)
    try:
        with path.open("rb") as stream:
            wanted = [count // 2] if middle else range(count)
            return [view(header, file_frame(stream, frame), frame) for frame in wanted]
    except MedarchiveError:
        return []

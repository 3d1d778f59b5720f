"""Groups: the functional groups of enhanced objects say of each frame what the top level says of the whole.

Frame Type begins with DERIVED where Image Type does (PS3.3 C.7.6.16.2.2 and the modules of the modalities), and derived
frames have a Derivation Image Functional Group (C.7.6.16.2.6).
"""

from collections.abc import Callable

from pydicom.dataset import Dataset

__all__ = ["has_groups", "macro", "mark_groups"]


def has_groups(dataset: Dataset) -> bool:
    """Whether an object is an enhanced one. Its IOD has no General Reference module; the groups say it."""
    return bool(dataset.get("SharedFunctionalGroupsSequence") or dataset.get("PerFrameFunctionalGroupsSequence"))


def macro(dataset: Dataset, keyword: str, frame: int) -> Dataset | None:
    """The item of a functional group macro that holds for a frame, its own or the shared one; None without one.

    Args:
        dataset: the object.
        keyword: of the macro's sequence, such as ``FrameVOILUTSequence`` (PS3.3 C.7.6.16.2).
        frame: from 0.
    """
    each = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or ())
    for group in (*each[frame : frame + 1], *shared[:1]):
        items: list[Dataset] = list(group.get(keyword) or ())
        if items:
            return items[0]
    return None


def mark_groups(dataset: Dataset, derivation: Callable[[int | None], Dataset]) -> None:
    """Say in the functional groups of an enhanced object what was done to its frames.

    Args:
        dataset: the object, with the UIDs of the one that it is derived from; changed.
        derivation: makes an item of a Derivation Image Sequence (0008,9124), for a frame from 1 on or, None, for all.
    """
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or ())
    frames = list(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    for group in (*shared, *frames):
        _derive_types(group)
    # A functional group is either shared or of each frame, never both (C.7.6.16.1.1).
    if shared and not any("DerivationImageSequence" in group for group in frames):
        _add(shared[0], derivation(None))
    else:
        for number, group in enumerate(frames, 1):
            _add(group, derivation(number))
    # What is a source in the groups is named at the top level, too: (0008,9154), by study, series and instance.
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    series.SeriesInstanceUID, series.ReferencedSOPSequence = dataset.SeriesInstanceUID, [instance]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = dataset.StudyInstanceUID, [series]
    dataset.SourceImageEvidenceSequence = [*dataset.get("SourceImageEvidenceSequence", ()), study]


def _add(group: Dataset, item: Dataset) -> None:
    group.DerivationImageSequence = [*group.get("DerivationImageSequence", ()), item]


def _derive_types(group: Dataset) -> None:
    """Frame Type (0008,9007) is in a sequence that each modality calls otherwise."""
    for element in group:
        for item in element.value if element.VR == "SQ" else ():
            kinds = item.get("FrameType")
            if kinds:
                item.FrameType = ["DERIVED", *list(kinds)[1:]]

"""Report: what the networks found in a series, as a Comprehensive 3D SR that any PACS can show.

An Imaging Measurement Report (PS3.16 TID 1500): the observer is a device, the finding is coded, each probability is a
measurement, the algorithm is named by the hash of its weights (TID 4019), and it says that nobody has verified it.
Needs highdicom, which is imported when a report is made.
"""

import datetime as dt
import io
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, Comprehensive3DSRStorage, CTImageStorage, ExplicitVRLittleEndian

from medarchive.dicom.citation import cited_frame
from medarchive.dicom.concepts import MODALITIES, OUTCOMES, OWN, SITES, Concept, finding_concept
from medarchive.dicom.derive import code_item, named_uid
from medarchive.dicom.inherit import inherited
from medarchive.dicom.ours import MANUFACTURER, MODEL_NAME, device_uid, report_series, report_uid
from medarchive.dicom.part10 import IMPLEMENTATION_UID
from medarchive.errors import SettingsError

__all__ = ["INVESTIGATIONAL", "ReportedFinding", "report"]

INVESTIGATIONAL = (
    "Investigational. Made by software without human review; it is not a medical device. Not for diagnosis."
)
_NO_UNITS = Concept("1", "UCUM", "no units")
_PROBABILITY = Concept("122157", "DCM", "Probability")
_FINDING = Concept("121071", "DCM", "Finding")
_COMMENT = Concept("121106", "DCM", "Comment")
_DEVICE = Concept("121007", "DCM", "Device")
_ENGLISH = Concept("en", "RFC5646", "English")
_TITLE = Concept("126000", "DCM", "Imaging Measurement Report")
_IMAGING = Concept("363679005", "SCT", "Imaging procedure")
_LIBRARY = Concept("111028", "DCM", "Image Library")
_LIBRARY_GROUP = Concept("126200", "DCM", "Image Library Group")
_SOURCE = Concept("260753009", "SCT", "Source")
_MODALITY = Concept("121139", "DCM", "Modality")
_PROCESSING = ("109102", "DCM", "Processing Equipment")
_ANATOMY_PROBABILITY = Concept("ANATOMY-PROB", OWN, "Probability of the anatomy")
_OUTCOME = Concept("OUTCOME", OWN, "Outcome of the reading")
_REASON = Concept("REASON", OWN, "Reason")


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """What is to be reported of a series.

    Attributes:
        reader: the hash over all models that took part, 16 hex digits: with the series it makes the object's UIDs.
        algorithm: name of the network that gave the finding; "" where none did.
        version: of it.
        weights_sha256: of its weights, in hex.
        anatomy: "brain", "lung", "other", or "" where it was not read.
        anatomy_probability: 0 to 1.
        finding: a label of the labelled data; "" where there is none to give. Does not count where it abstained.
        probabilities: by label, 0 to 1.
        abstained: whether it would rather not say.
        reason: why it abstained or did not read, a sentence.
        frame: of the source image that carries the finding, from 0; None where it has but one.
        others: SOP Class UID and SOP Instance UID of the further images of the series that were read.
    """

    reader: str
    algorithm: str = ""
    version: str = ""
    weights_sha256: str = ""
    anatomy: str = ""
    anatomy_probability: float = 0.0
    finding: str = ""
    probabilities: Mapping[str, float] = field(default_factory=dict)
    abstained: bool = False
    reason: str = ""
    frame: int | None = None
    others: tuple[tuple[str, str], ...] = ()


def report(source: Dataset, finding: ReportedFinding, *, number: int, now: dt.datetime) -> bytes:
    """The report as a Part 10 file, in the study of its source and in a series of its own.

    Its UIDs are ``report_series`` and ``report_uid`` of the source's series and ``finding.reader``.

    Args:
        source: the header of the image that carries the finding.
        finding: what was found.
        number: Series Number (0020,0011), at least 1.
        now: when it is made.

    Raises:
        MissingIdentity: see ``inherited``.
        SettingsError: highdicom is not installed.
    """
    made = inherited(source)
    sr = _highdicom()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about UIDs and texts that are the source's
        content = _content(sr, source, finding)
        series = str(source.SeriesInstanceUID)
        dataset = sr.Comprehensive3DSR(
            evidence=_evidence(source, made, finding),
            content=content,
            series_instance_uid=report_series(series, finding.reader),
            series_number=number,
            sop_instance_uid=report_uid(series, finding.reader),
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MODEL_NAME,
            device_serial_number=finding.reader,
            software_versions=finding.reader,
            series_description="Automatic findings, investigational",
            is_complete=False,
            is_final=False,
            is_verified=False,
        )
        _amend(dataset, source, finding, now)
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=True)
        return out.getvalue()


def _highdicom() -> ModuleType:
    try:
        import highdicom.sr  # noqa: PLC0415  # half a second, and an extra
    except ImportError as error:
        raise SettingsError(f"{error}; reports need the extra: pip install 'medarchive[insight]'") from error
    sr: ModuleType = highdicom.sr
    return sr


def _evidence(source: Dataset, made: Dataset, finding: ReportedFinding) -> list[Dataset]:
    """The images as highdicom wants them. Their class does not matter to it, as long as it knows it; see ``_amend``."""
    images = []
    for uid in dict.fromkeys([str(source.SOPInstanceUID), *(uid for _, uid in finding.others)]):
        image = Dataset()
        image.update(made)
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, UID(uid)
        image.SeriesInstanceUID = source.SeriesInstanceUID
        images.append(image)
    return images


def _references(source: Dataset, finding: ReportedFinding) -> dict[str, str]:
    """SOP Class UIDs of all images that were read, by SOP Instance UID; the source first."""
    found = {str(source.SOPInstanceUID): str(source.SOPClassUID)}
    for sop_class, uid in finding.others:
        found.setdefault(uid, sop_class)
    return found


def _content(sr: ModuleType, source: Dataset, finding: ReportedFinding) -> Any:
    """The tree of content items (TID 1500)."""
    observer = sr.ObserverContext(
        observer_type=_coded(sr, _DEVICE),
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=device_uid(finding.reader),
            name=MODEL_NAME,
            manufacturer_name=MANUFACTURER,
            model_name=MODEL_NAME,
            serial_number=finding.reader,
        ),
    )
    tree = sr.MeasurementReport(
        title=_coded(sr, _TITLE),
        language_of_content_item_and_descendants=sr.LanguageOfContentItemAndDescendants(_coded(sr, _ENGLISH)),
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=_coded(sr, _IMAGING),
        imaging_measurements=[_group(sr, source, finding)],
    )
    items = tree[0].ContentSequence
    items.insert(len(items) - 1, _library(sr, source, finding))
    items.append(sr.TextContentItem(_coded(sr, _COMMENT), INVESTIGATIONAL, "CONTAINS"))
    return tree


def _library(sr: ModuleType, source: Dataset, finding: ReportedFinding) -> Any:
    """All images that were read (TID 1600)."""
    group = sr.ContainerContentItem(_coded(sr, _LIBRARY_GROUP), relationship_type="CONTAINS")
    group.ContentSequence = sr.ContentSequence()
    modality = str(source.get("Modality") or "")
    if modality in MODALITIES:
        value = _coded(sr, Concept(modality, "DCM", MODALITIES[modality]))
        group.ContentSequence.append(sr.CodeContentItem(_coded(sr, _MODALITY), value, "HAS ACQ CONTEXT"))
    for uid, sop_class in _references(source, finding).items():
        item = sr.ImageContentItem(_coded(sr, _SOURCE), sop_class, uid, relationship_type="CONTAINS")
        group.ContentSequence.append(item)
    library = sr.ContainerContentItem(_coded(sr, _LIBRARY), template_id="1600", relationship_type="CONTAINS")
    library.ContentSequence = sr.ContentSequence([group])
    return library


def _group(sr: ModuleType, source: Dataset, finding: ReportedFinding) -> Any:
    """The finding with its probabilities (TID 1501)."""
    says = bool(finding.finding) and not finding.abstained
    outcome = OUTCOMES["abstained" if finding.abstained else "read" if finding.anatomy else "unread"]
    tracked = f"{source.SeriesInstanceUID} {finding.reader}"
    cited = cited_frame(source, finding.frame)
    measurements = [_measured(sr, _ANATOMY_PROBABILITY, finding.anatomy_probability)] if finding.anatomy else []
    for label, probability in finding.probabilities.items():
        measurement = _measured(sr, _PROBABILITY, probability)
        what = sr.CodeContentItem(_coded(sr, _FINDING), _coded(sr, finding_concept(label)), "HAS CONCEPT MOD")
        measurement[0].ContentSequence = sr.ContentSequence([what])
        measurements.append(measurement)
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=named_uid(f"tracking {tracked}"), identifier=f"{finding.anatomy or 'series'} {finding.reader}"
        ),
        finding_type=_coded(sr, finding_concept(finding.finding)) if says else None,
        algorithm_id=_algorithm(sr, finding),
        finding_sites=[sr.FindingSite(_coded(sr, SITES[finding.anatomy]))] if finding.anatomy in SITES else None,
        measurements=measurements or None,
        qualitative_evaluations=[sr.QualitativeEvaluation(_coded(sr, _OUTCOME), _coded(sr, outcome))],
        source_images=[
            sr.SourceImageForMeasurementGroup(
                source.SOPClassUID, source.SOPInstanceUID, None if cited is None else [cited]
            )
        ],
    )
    if finding.reason:
        group[0].ContentSequence.append(sr.TextContentItem(_coded(sr, _REASON), finding.reason[:1024], "CONTAINS"))
    return group


def _algorithm(sr: ModuleType, finding: ReportedFinding) -> Any:
    """Name, version and the hash of the weights (TID 4019)."""
    parameters = [f"models {finding.reader}"]
    if finding.weights_sha256:
        parameters.insert(0, f"weights SHA-256 {finding.weights_sha256}")
    return sr.AlgorithmIdentification(
        name=finding.algorithm or MODEL_NAME, version=finding.version or finding.reader, parameters=parameters
    )


def _measured(sr: ModuleType, name: Concept, probability: float) -> Any:
    value = min(max(float(probability), 0.0), 1.0) if math.isfinite(probability) else 0.0
    return sr.Measurement(_coded(sr, name), round(value, 6), _coded(sr, _NO_UNITS))


def _amend(dataset: Any, source: Dataset, finding: ReportedFinding, now: dt.datetime) -> None:
    """What highdicom leaves open, or fills in with its own."""
    (study,) = dataset.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    classes = _references(source, finding)
    for item in series.ReferencedSOPSequence:
        item.ReferencedSOPClassUID = classes[item.ReferencedSOPInstanceUID]
    date, time = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = date, time
    dataset.ContentDate, dataset.ContentTime = date, time
    dataset.SeriesDate, dataset.SeriesTime = date, time
    dataset.InstanceCreatorUID = UID(IMPLEMENTATION_UID.decode("ascii"))
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ContentQualification = "RESEARCH"
    dataset.CompletionFlagDescription = "Automatic, not reviewed"
    dataset.AuthorObserverSequence = [_author(finding.reader)]
    dataset.ContributingEquipmentSequence = [_equipment(finding.reader)]
    dataset.CodingSchemeIdentificationSequence = [_scheme()]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = Comprehensive3DSRStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID.decode("ascii"))


def _author(reader: str) -> Dataset:
    """An item of the Author Observer Sequence (PS3.3 C.17.2): a device."""
    author = Dataset()
    author.ObserverType, author.StationName, author.DeviceUID = "DEV", MANUFACTURER, UID(device_uid(reader))
    author.Manufacturer, author.ManufacturerModelName = MANUFACTURER, MODEL_NAME
    author.InstitutionName, author.InstitutionCodeSequence = "", []
    return author


def _equipment(reader: str) -> Dataset:
    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = [code_item(*_PROCESSING)]
    equipment.Manufacturer, equipment.ManufacturerModelName = MANUFACTURER, MODEL_NAME
    equipment.SoftwareVersions = reader
    equipment.ContributionDescription = INVESTIGATIONAL
    return equipment


def _scheme() -> Dataset:
    scheme = Dataset()
    scheme.CodingSchemeDesignator, scheme.CodingSchemeName = OWN, "Private codes of medarchive"
    scheme.CodingSchemeResponsibleOrganization = MANUFACTURER
    return scheme


def _coded(sr: ModuleType, concept: Concept) -> Any:
    return sr.CodedConcept(concept.value, concept.scheme, concept.meaning)

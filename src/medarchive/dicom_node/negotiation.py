"""Negotiation: which presentation contexts the node accepts, and from whom."""

from collections.abc import Iterable

from pydicom.uid import UID, AllTransferSyntaxes, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AllStoragePresentationContexts, build_context
from pynetdicom.presentation import PresentationContext
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
    uid_to_service_class,
)

from medarchive.dicom.attributes import Level

__all__ = ["NATIVE", "ROOTS", "SERVICES", "TRANSFER_SYNTAXES", "accepted", "is_storage"]

ROOTS = {
    PatientRootQueryRetrieveInformationModelFind: Level.PATIENT,
    PatientRootQueryRetrieveInformationModelMove: Level.PATIENT,
    PatientRootQueryRetrieveInformationModelGet: Level.PATIENT,
    StudyRootQueryRetrieveInformationModelFind: Level.STUDY,
    StudyRootQueryRetrieveInformationModelMove: Level.STUDY,
    StudyRootQueryRetrieveInformationModelGet: Level.STUDY,
}
"""The information models (PS3.4 C.6), each with the level at its root."""

SERVICES = (Verification, StorageCommitmentPushModel, *ROOTS)
NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_JPEG_XL = tuple(UID(f"1.2.840.10008.1.2.4.{number}") for number in (110, 111, 112))
TRANSFER_SYNTAXES = frozenset(map(str, (*AllTransferSyntaxes, *_JPEG_XL)))
"""Every transfer syntax of PS3.6 that objects are stored in; private ones are not among them."""

_STORAGE = frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
_STANDARD_ROOT = "1.2.840.10008."


def is_storage(sop_class: str) -> bool:
    """Whether objects of this SOP Class are taken: all standard ones, retired and new ones too, and private ones."""
    if sop_class in _STORAGE or not sop_class.startswith(_STANDARD_ROOT):
        return True
    service = uid_to_service_class(sop_class)
    return sop_class.startswith(_STORAGE_ROOT) and service in (ServiceClass, StorageServiceClass)


def accepted(proposed: Iterable[PresentationContext]) -> list[PresentationContext]:
    """What we support of a peer's proposal, in the form that pynetdicom negotiates with.

    For storage the peer's own order of transfer syntaxes decides, and both roles are offered, so that C-GET can send
    back over the same association (PS3.7 D.3.3.4).
    """
    syntaxes: dict[str, list[str]] = {}
    for context in proposed:
        known = syntaxes.setdefault(str(context.abstract_syntax), [])
        known += [str(syntax) for syntax in context.transfer_syntax if str(syntax) not in known]
    supported = []
    for abstract, offered in syntaxes.items():
        if abstract in SERVICES:
            wanted = [str(syntax) for syntax in NATIVE]
        elif is_storage(abstract):
            wanted = [syntax for syntax in offered if syntax in TRANSFER_SYNTAXES]
        else:
            continue
        if wanted:
            context = build_context(abstract, wanted)
            if abstract not in SERVICES:
                context.scu_role = context.scp_role = True
            supported.append(context)
    return supported

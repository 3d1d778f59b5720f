"""Concepts: the codes for what the networks name (PS3.16), so that other software understands a finding.

A code of SNOMED CT stands here only where it means what the label means. A suspicion that no code says as carefully as
the network means it has a code of our own scheme, 99MEDARCHIVE: a tumour not seen is not "no abnormality", and an image
that looks malignant is no diagnosis of cancer.
"""

from typing import NamedTuple

__all__ = ["MODALITIES", "OUTCOMES", "OWN", "SITES", "Concept", "finding_concept"]

OWN = "99MEDARCHIVE"
"""Our coding scheme; the 99 says that it is private (PS3.3 8.2)."""


class Concept(NamedTuple):
    """A coded concept (PS3.3 8.8)."""

    value: str
    scheme: str
    meaning: str


SITES = {"brain": Concept("12738006", "SCT", "Brain"), "lung": Concept("39607008", "SCT", "Lung")}
"""By what the router calls an anatomy (PS3.16 CID 4)."""

OUTCOMES = {
    "read": Concept("READ", OWN, "Read"),
    "abstained": Concept("ABSTAINED", OWN, "Abstained, no finding given"),
    "unread": Concept("NOT-READ", OWN, "Not read"),
}

MODALITIES = {
    "CR": "Computed Radiography",
    "CT": "Computed Tomography",
    "DX": "Digital Radiography",
    "MR": "Magnetic Resonance",
}
"""Code meanings of the modalities that are read (PS3.16 CID 29)."""

_FINDINGS = {
    "no_tumour": Concept("NO-TUMOR", OWN, "No brain tumor found"),
    "tumour": Concept("126952004", "SCT", "Neoplasm of brain"),
    "glioma": Concept("393564001", "SCT", "Glioma"),
    "meningioma": Concept("302820008", "SCT", "Intracranial meningioma"),
    "pituitary": Concept("127024001", "SCT", "Neoplasm of pituitary gland"),
    "normal": Concept("281900007", "SCT", "No abnormality detected"),
    "benign": Concept("LUNG-BENIGN", OWN, "Lung abnormality of benign appearance"),
    "malignant": Concept("LUNG-MALIGNANT", OWN, "Lung abnormality suspicious for malignancy"),
    "likely_benign": Concept("NODULE-BENIGN", OWN, "Pulmonary nodule, likely benign"),
    "likely_malignant": Concept("NODULE-MALIGNANT", OWN, "Pulmonary nodule, suspicious for malignancy"),
    "pneumonia": Concept("233604007", "SCT", "Pneumonia"),
    "bacteria": Concept("53084003", "SCT", "Bacterial pneumonia"),
    "virus": Concept("75570004", "SCT", "Viral pneumonia"),
}


def finding_concept(label: str) -> Concept:
    """The concept of a label of the labelled data; of one that is not known here, a private one made of its name."""
    return _FINDINGS.get(label) or Concept(label.upper()[:16], OWN, label.replace("_", " ")[:64])

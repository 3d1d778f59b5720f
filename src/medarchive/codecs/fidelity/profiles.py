"""Profiles: what a kind of image has to keep. docs/fidelity.md gives the source of every number.

A limit is a multiple of the original's own noise, never below what one stored value makes, and at most a fixed number
of HU where values are HU. That way a sharp thin slice, which is noise for the most part, may change by more than
a smooth one, as a reader sees less of it there; and never by so much that the fixed cap is passed.
"""

from dataclasses import replace

from medarchive.codecs.fidelity.limits import Bound, FidelityProfile, Limits, Seen
from medarchive.codecs.fidelity.windows import OWN
from medarchive.errors import SettingsError

__all__ = ["PROFILES", "profile", "profile_for"]

_CT = Limits(
    max_error=Bound(3.5, cap=95),
    p999=Bound(2.0, cap=60),
    rms=Bound(0.55, cap=20),
    bias=Bound(0.03, floor=0.25, cap=0.5),
    block=Bound(0.85, cap=40),
    detail=Bound(1.1, cap=32),
    region=Bound(0.2, floor=0.5, cap=6),
    steps=Bound(1.0, cap=20),
    psnr=46,
    mid=(0.9, 1.1),
    high=(0.7, 1.2),
    local=0.6,
    edges=0.15,
    contrast=(0.99, 1.01),
)
_HEAD = replace(
    _CT,
    max_error=Bound(2.5, cap=40),
    p999=Bound(1.4, cap=20),
    rms=Bound(0.4, cap=6),
    bias=Bound(0.03, floor=0.25, cap=0.3),
    block=Bound(0.65, cap=10),
    detail=Bound(0.7, cap=10),
    region=Bound(0.15, floor=0.5, cap=1.5),
    steps=Bound(1.0, cap=8),
    psnr=56,
    high=(0.75, 1.25),
)
_OWN = replace(
    _CT,
    max_error=Bound(3.0),
    p999=Bound(1.8),
    rms=Bound(0.5),
    bias=Bound(0.03, floor=0.25),
    block=Bound(0.8),
    detail=Bound(0.9),
    region=Bound(0.2, floor=0.5),
    steps=Bound(1.0),
    psnr=38,
)
_PROJECTION = replace(_OWN, region=Bound(0.15, floor=0.5), psnr=48)

_DRG = "DRG consensus conference (Loose et al., RoeFo 2009, doi:10.1055/s-2008-1027847)"
_CHEST_WINDOWS = (Seen("lung", 0.96, 0.992), Seen("mediastinum", 0.94, 0.984), Seen("bone", 0.975, 0.995))
_ABDOMEN_WINDOWS = (Seen("abdomen", 0.94, 0.984), Seen("liver", 0.9, 0.975), Seen("bone", 0.975, 0.995))
_HEAD_WINDOWS = (Seen("brain", 0.95, 0.992), Seen("stroke", 0.925, 0.985), Seen("bone", 0.99, 0.998))

_TABLE = (
    FidelityProfile(
        "ct-head",
        "CT of the head",
        ("CT",),
        ("HEAD", "BRAIN", "SKULL", "ORBIT", "SINUS", "FACE", "IAC", "EAR", "HEADNECK"),
        _HEAD,
        _HEAD_WINDOWS,
        4095,
        -950,
        "HU",
        f"{_DRG}: CT brain 5:1",
    ),
    FidelityProfile(
        "ct-chest",
        "CT of the chest",
        ("CT",),
        ("CHEST", "LUNG", "THORAX", "HEART", "CHEST_TO_PELVIS", "CHESTABDPELVIS", "CHESTABDOMEN", "TSPINE"),
        _CT,
        _CHEST_WINDOWS,
        4095,
        -950,
        "HU",
        f"{_DRG}: CT apart from the brain 8:1",
    ),
    FidelityProfile(
        "ct-abdomen",
        "CT of the abdomen and pelvis",
        ("CT",),
        ("ABDOMEN", "PELVIS", "ABDOMENPELVIS", "LIVER", "PANCREAS", "KIDNEY", "STOMACH", "COLON", "SPLEEN", "LSPINE"),
        _CT,
        _ABDOMEN_WINDOWS,
        4095,
        -950,
        "HU",
        f"{_DRG}: CT apart from the brain 8:1",
    ),
    FidelityProfile(
        "ct",
        "CT of any other or an unnamed part",
        ("CT",),
        (),
        _HEAD,
        (_CHEST_WINDOWS[0], _ABDOMEN_WINDOWS[0], *_HEAD_WINDOWS),
        4095,
        -950,
        "HU",
        f"{_DRG}: CT brain 5:1, as the part is not known",
    ),
    FidelityProfile("mr", "MR", ("MR",), (), _OWN, (Seen(OWN, 0.96, 0.993),), None, None, "", f"{_DRG}: MR 7:1"),
    FidelityProfile(
        "cr",
        "Projection radiography (CR, DX)",
        ("CR", "DX"),
        (),
        _PROJECTION,
        (Seen(OWN, 0.985, 0.997),),
        None,
        None,
        "",
        f"{_DRG}: CR/DR 10:1",
    ),
    FidelityProfile(
        "xa",
        "Angiography and fluoroscopy (XA, RF)",
        ("XA", "RF"),
        (),
        _PROJECTION,
        (Seen(OWN, 0.985, 0.997),),
        None,
        None,
        "",
        f"{_DRG}: RF/XA 6:1; the numbers are those of CR",
    ),
    FidelityProfile(
        "us",
        "Ultrasound, grey",
        ("US",),
        (),
        _PROJECTION,
        (Seen(OWN, 0.985, 0.997),),
        None,
        None,
        "",
        "the numbers are those of CR; DRG gives no ratio for ultrasound",
    ),
    FidelityProfile(
        "nm",
        "Nuclear medicine",
        ("NM",),
        source="counts that are measured with; CAR 2008 gives 11:1, which is not used",
    ),
    FidelityProfile("pt", "PET", ("PT",), source="values that are measured with (SUV); no recommendation"),
    FidelityProfile(
        "mg",
        "Mammography",
        ("MG",),
        source="FDA, MQSA Policy Guidance on 21 CFR 900.12(c)(4): kept original or losslessly compressed",
    ),
    FidelityProfile("lossless", "Anything of which nothing may be lost", (), source="by name only"),
)
PROFILES = {one.name: one for one in _TABLE}
"""Every profile by its name."""


def profile(name: str) -> FidelityProfile:
    """The profile of a name.

    Raises:
        SettingsError: there is none; the message lists those that there are.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise SettingsError(f"no fidelity profile {name!r}; there are {', '.join(PROFILES)}") from None


def profile_for(modality: str, body_part: str = "") -> FidelityProfile | None:
    """The profile for what a header says, None where there is none: then nothing can be lost with a clear conscience.

    Args:
        modality: Modality (0008,0060).
        body_part: Body Part Examined (0018,0015), "" where the header has none.
    """
    wanted, part = modality.strip(" \0").upper(), body_part.strip(" \0").upper().replace(" ", "_")
    of_modality = [one for one in _TABLE if wanted and wanted in one.modalities]
    named = [one for one in of_modality if part and part in one.body_parts]
    return next(iter(named or [one for one in of_modality if not one.body_parts]), None)

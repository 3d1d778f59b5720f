"""Profiles: what a kind of image has to keep. docs/fidelity.md gives the source of every number.

A limit is a multiple of the original's own noise, never below what one stored value makes, and at most a fixed number
of HU where values are HU. That way a sharp thin slice, which is noise for the most part, may change by more than
a smooth one, as a reader sees less of it there; and never by so much that the fixed cap is passed.
"""

from dataclasses import dataclass, replace

from medarchive.codecs.fidelity.windows import OWN
from medarchive.errors import SettingsError

__all__ = ["PROFILES", "Bound", "FidelityProfile", "Limits", "Seen", "profile", "profile_for"]


@dataclass(frozen=True, slots=True)
class Bound:
    """At most so much of an error.

    Attributes:
        noise: as a multiple of the original's noise.
        floor: what is allowed however little noise there is, in stored values.
        cap: what is allowed at most, in the unit of the values; None where they have no fixed scale.
    """

    noise: float
    floor: float = 1.0
    cap: float | None = None

    def of(self, noise: float, unit: float) -> float:
        """The limit for an original.

        Args:
            noise: its noise, in the unit of the values.
            unit: what one stored value makes.
        """
        allowed = max(self.noise * noise, self.floor * unit)
        return allowed if self.cap is None else min(allowed, self.cap)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a profile; ``measures.py`` says what each is of.

    Attributes:
        max_error: on the largest error.
        p999: on the error that one value in a thousand exceeds.
        rms: on the root mean square error.
        bias: on the mean error.
        block: on the root mean square error of the worst 8 x 8 tile.
        detail: on the worst mean error of 3 x 3 neighbours.
        region: on the worst mean error of a 16 x 16 tile.
        steps: on the widest step between values.
        psnr: the least PSNR in dB.
        mid: least and most noise power kept from 0.10 to 0.25 cycles per pixel.
        high: least and most noise power kept from 0.25 to 0.45 cycles per pixel.
        edges: the most correlation of the error with edges.
        contrast: least and most of the standard deviation kept.
    """

    max_error: Bound
    p999: Bound
    rms: Bound
    bias: Bound
    block: Bound
    detail: Bound
    region: Bound
    steps: Bound
    psnr: float
    mid: tuple[float, float]
    high: tuple[float, float]
    edges: float
    contrast: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """The least similarity in a window.

    Attributes:
        window: of ``WINDOWS``, or ``OWN``.
        ssim: the least SSIM.
        ms_ssim: the least multi-scale SSIM.
    """

    window: str
    ssim: float
    ms_ssim: float


@dataclass(frozen=True, slots=True)
class FidelityProfile:
    """What a kind of image has to keep.

    Attributes:
        name: such as "ct-chest".
        title: for people.
        modalities: values of Modality (0008,0060).
        body_parts: values of Body Part Examined (0018,0015); empty for all that no other profile names.
        limits: None where nothing may be lost.
        windows: how alike the images have to be in each window.
        peak: that PSNR is relative to, in the unit of the values; None for the width of the image's own window.
        air: a tile with a mean below it is no tissue, in the unit of the values; None where values have no fixed scale.
        unit: that values must have once rescaled, "HU" or "" for any.
        source: where the limits come from.
    """

    name: str
    title: str
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...] = ()
    limits: Limits | None = None
    windows: tuple[Seen, ...] = ()
    peak: float | None = None
    air: float | None = None
    unit: str = ""
    source: str = ""

    @property
    def lossless_only(self) -> bool:
        """Whether not one value may change."""
        return self.limits is None


_CT = Limits(
    max_error=Bound(3.5, cap=120),
    p999=Bound(2.0, cap=60),
    rms=Bound(0.55, cap=20),
    bias=Bound(0.03, floor=0.25, cap=0.5),
    block=Bound(0.85, cap=40),
    detail=Bound(1.1, cap=40),
    region=Bound(0.2, floor=0.5, cap=6),
    steps=Bound(1.0, cap=20),
    psnr=46,
    mid=(0.9, 1.1),
    high=(0.7, 1.2),
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

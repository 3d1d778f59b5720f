"""Limits: how a threshold is put, and what a profile is made of."""

from dataclasses import dataclass

__all__ = ["Bound", "FidelityProfile", "Limits", "Seen"]


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
        mid: least and most noise power kept from 0.125 to 0.25 cycles per pixel.
        high: least and most noise power kept from 0.25 to 0.44 cycles per pixel.
        local: the least noise power kept in the middle band by nine patches of ten.
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
    local: float
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

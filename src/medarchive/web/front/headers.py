"""Headers that make a browser careful, on every answer."""

__all__ = ["CAREFUL", "HSTS", "careful"]

Headers = list[tuple[bytes, bytes]]

CAREFUL: dict[bytes, bytes] = {
    b"content-security-policy": b"default-src 'self'; img-src 'self' data: blob:; script-src 'self'; style-src 'self'; "
    b"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
"""Where an answer has one of these already, its own stays."""
HSTS = (b"strict-transport-security", b"max-age=31536000")


def careful(headers: Headers, *, secure: bool) -> Headers:
    """An answer's headers, and ours that are not among them.

    Args:
        headers: with names in any case.
        secure: whether the request came by TLS.
    """
    there = {name.lower() for name, _ in headers}
    more = CAREFUL.items() if not secure else (*CAREFUL.items(), HSTS)
    return [*headers, *((name, value) for name, value in more if name not in there)]

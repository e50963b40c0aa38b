"""QR codes of URIs, for a page and for a terminal.

A code shows what its URI holds: treat that of a provisioning URI like the secret in it.
"""

from __future__ import annotations

from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import plain_text

if TYPE_CHECKING:
    from segno import QRCode

_SCALE: Final = 4
"""Pixels of a module, before a style sheet scales the image."""


def qr_svg(uri: str) -> str:
    """The QR code as one `<svg>` element, black on white whatever the page's colours.

    It may stand inside a page as it is, also under a strict Content-Security-Policy, and is a valid file by itself: two
    paths, no text of the URI, no script, style, link or id. It has a viewBox, so a style sheet may scale it.
    InvalidValue (field `uri`) for an empty text, one with other than printable ASCII characters or one too long.
    """
    out = BytesIO()
    _code(uri).save(
        out,
        kind="svg",
        scale=_SCALE,
        dark="#000",
        light="#fff",
        xmldecl=False,
        unit="px",
        svgclass=None,
        lineclass=None,
        nl=False,
    )
    return out.getvalue().decode()


def qr_terminal(uri: str) -> str:
    """The QR code as lines of half blocks, each ended by a newline, without control characters.

    What is light in the code is drawn: right on a dark terminal; on a light one colours are swapped, which most
    authenticators read too. InvalidValue as for `qr_svg`.
    """
    out = StringIO()
    _code(uri).terminal(out, compact=True)
    return out.getvalue()


def _code(uri: str) -> QRCode:
    import segno

    text = plain_text("uri", uri)
    # RFC 3986: a URI is ASCII. Anything else would be encoded in a character set that readers have to guess.
    if not text or not text.isascii() or not text.isprintable():
        raise InvalidValue("uri", "must be printable ASCII characters, at least one")
    try:
        # M recovers 15 % of the code, enough for screens, and keeps the modules large.
        return segno.make_qr(text, error="m", boost_error=False)
    except segno.DataOverflowError:
        raise InvalidValue("uri", "is too long for a QR code") from None

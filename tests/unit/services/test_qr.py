from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.totp import TotpParameters
from vibecore.services.qr import qr_svg, qr_terminal
from vibecore.services.totp import new_secret, provisioning_uri
from vibecore.testing.effects import SequentialTokens

URI = provisioning_uri(new_secret(SequentialTokens()), "ada@example.org", "Acme")
URIS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200)
SVG = "{http://www.w3.org/2000/svg}"


def modules(uri: str) -> list[list[bool]]:
    """The code's dark modules with the quiet zone of four that readers need (ISO/IEC 18004, 9.1)."""
    code = segno.make_qr(uri, error="m", boost_error=False)
    return [[bool(module) for module in row] for row in code.matrix_iter(border=4)]


def drawn(svg: str) -> list[list[bool]]:
    """The modules that the paths of an SVG cover, from its moves and horizontal lines."""
    root = ElementTree.fromstring(svg)
    background, lines = root.iter(f"{SVG}path")
    size = re.fullmatch(r"M0 0h(\d+)v(\d+)h-(\d+)z", background.attrib["d"])
    assert size
    assert size[1] == size[2] == size[3]
    grid = [[False] * int(size[1]) for _ in range(int(size[1]))]
    x, y = 0.0, 0.0
    for move, right, down, length in re.findall(r"([Mm])(-?[\d.]+) (-?[\d.]+)h(\d+)", lines.attrib["d"]):
        x, y = (float(right), float(down)) if move == "M" else (x + float(right), y + float(down))
        assert y % 1 == 0.5
        for column in range(int(x), int(x) + int(length)):
            grid[int(y)][column] = True
        x += int(length)
    return grid


def shown(text: str) -> list[list[bool]]:
    """The dark modules of half blocks on a dark terminal: what is not drawn."""
    rows: list[list[bool]] = []
    for line in text.splitlines():
        rows.append([char in " ▄" for char in line])
        rows.append([char in " ▀" for char in line])
    return rows


@given(URIS)
def test_the_svg_is_the_code(uri: str) -> None:
    """Module for module, with a quiet zone, black on white."""
    svg = qr_svg(uri)
    assert drawn(svg) == modules(uri)
    background, lines = ElementTree.fromstring(svg).iter(f"{SVG}path")
    assert (background.attrib["fill"], lines.attrib["stroke"]) == ("#fff", "#000")


@given(URIS)
def test_the_terminal_shows_the_code(uri: str) -> None:
    """Module for module; the rows are odd in number, so a last half row is empty."""
    text = qr_terminal(uri)
    assert set(text) <= set("█▀▄ \n")
    assert text.endswith("\n")
    expected = modules(uri)
    assert shown(text) == [*expected, [True] * len(expected)]


@given(URIS | st.just(URI))
def test_the_svg_is_safe_inside_a_page(uri: str) -> None:
    """Known elements and attributes only: no script, style, handler, link, id or class, and no text at all."""
    svg = qr_svg(uri)
    assert svg.startswith("<svg ")
    assert svg.endswith("</svg>")
    allowed = {"width", "height", "viewBox", "transform", "fill", "stroke", "d"}
    for element in ElementTree.fromstring(svg).iter():
        assert element.tag in {f"{SVG}svg", f"{SVG}g", f"{SVG}path"}
        assert set(element.attrib) <= allowed
        assert not element.text
        assert not element.tail
    assert svg.count("http") == svg.count('xmlns="http://www.w3.org/2000/svg"') == 1
    assert not re.search(r"script|style|href|url\(|<!|<\?|&", svg)


def test_the_svg_can_be_scaled() -> None:
    root = ElementTree.fromstring(qr_svg(URI))
    size = len(modules(URI)) * 4
    assert root.attrib == {"width": f"{size}px", "height": f"{size}px", "viewBox": f"0 0 {size} {size}"}


def test_the_longest_uri_fits() -> None:
    """Whatever names and parameters an installation may have."""
    chosen = TotpParameters(secret_bytes=64, digits=8, period=120)
    longest = provisioning_uri(new_secret(SequentialTokens(), chosen), "é" * 127, "ü" * 32, chosen)
    assert drawn(qr_svg(longest)) == modules(longest)


@pytest.mark.parametrize("uri", ["", "é", "a\nb", "\0", "\ud800", "a" * 5000, None, 5, b"otpauth:"])
@pytest.mark.parametrize("draw", [qr_svg, qr_terminal])
def test_what_is_no_uri_is_refused(draw: Any, uri: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        draw(uri)
    assert caught.value.field == "uri"

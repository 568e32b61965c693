"""Contrast of the page's colours (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from itertools import product
from pathlib import Path

import pytest

import refresh_sessions

STYLES = Path(refresh_sessions.__file__).parent / "static" / "refresh_sessions" / "page"
CSS = {path.stem: path.read_text(encoding="utf-8") for path in STYLES.glob("*.css")}
LIGHT, DARK, *_ = CSS["base"].split("@media")
SCHEMES = {
    name: dict(re.findall(r"--refresh-sessions-([\w-]+): (#\w+);", css))
    for name, css in {"light": LIGHT, "dark": DARK}.items()
}
TEXT = [
    *product(["text", "quiet", "accent", "good", "danger"], ["page", "card"]),
    *product(["text"], ["tint", "good-tint", "danger-tint"]),
    *[("danger", "danger-tint"), ("accent", "tint"), ("on-accent", "accent")],
]
EDGES = [*product(["edge", "danger", "accent"], ["page", "card"])]


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return sum(part * share for part, share in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_known_colours_is_correct():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
class TestContrast:
    @pytest.mark.parametrize(("colour", "ground"), TEXT)
    def test_text_colour_has_sufficient_contrast(self, scheme, colour, ground):
        assert contrast(scheme[colour], scheme[ground]) >= 4.5

    @pytest.mark.parametrize(("colour", "ground"), EDGES)
    def test_edge_colour_has_sufficient_contrast(self, scheme, colour, ground):
        assert contrast(scheme[colour], scheme[ground]) >= 3


def test_colour_schemes_define_same_colours():
    assert SCHEMES["light"].keys() == SCHEMES["dark"].keys()


@pytest.mark.parametrize("css", CSS.values(), ids=CSS)
def test_style_sheet_uses_logical_sides(css):
    sides = r"(?:margin|padding|border)-(?:left|right)|text-align: (?:left|right)"
    assert re.findall(sides, css) == []

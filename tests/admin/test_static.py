"""Style sheets and templates: dark themes, strict Content-Security-Policy."""

import re
from pathlib import Path

import pytest

import refresh_sessions

PACKAGE = Path(refresh_sessions.__file__).parent
STYLES = PACKAGE / "static/refresh_sessions/admin"
SHEET = (STYLES / "base.css").read_text(encoding="utf-8")
TEMPLATES = sorted((PACKAGE / "templates/admin").rglob("*.html"))


def colours(selector: str) -> dict[str, str]:
    """Return the package's custom colour properties for ``selector``."""
    found: dict[str, str] = {}
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", SHEET):
        names = [one.strip() for one in re.sub(r"/\*.*?\*/", "", selectors, flags=re.S).split(",")]
        if selector in names:
            found |= dict(re.findall(r"(--refresh-sessions-[\w-]+): (#[0-9a-f]+);", body))
    return found


def test_dark_theme_defines_each_colour_of_light_theme():
    light = colours('html[data-theme="light"]')
    assert light
    assert light.keys() == colours('html[data-theme="dark"]').keys()
    assert light.keys() == colours("html.dark").keys()
    chosen_by_the_system = SHEET.partition("@media (prefers-color-scheme: dark)")[2]
    for name, colour in colours('html[data-theme="dark"]').items():
        assert light[name] != colour
        assert f"{name}: {colour};" in chosen_by_the_system.partition("\n}")[0]


@pytest.mark.parametrize("path", sorted(STYLES.iterdir()), ids=lambda path: path.stem)
def test_style_sheet_colours_are_variables(path):
    """Each colour is a variable with a fallback for other themes, never a literal."""
    sheet = path.read_text("utf-8")
    rules = re.sub(r"--refresh-sessions-[\w-]+: #[0-9a-f]+;|/\*.*?\*/", "", sheet, flags=re.S)
    outside = re.sub(r"var\((?:[^()]|\([^()]*\))*\)", "", rules)
    assert re.findall(r"#[0-9a-f]{3,6}\b(?![^{]*\{)", outside) == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_template_has_no_inline_script_or_style(template):
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", text)


def test_template_list_is_complete():
    assert {"change_list.html", "overview.html", "chart.html", "timeline.html"} <= {
        template.name for template in TEMPLATES
    }

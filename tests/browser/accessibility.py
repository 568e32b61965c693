"""Accessibility checks with axe-core, and of target sizes and reflow."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple

from playwright.sync_api import Page

from tests.browser import equipment

_SERIOUS_IMPACTS = ("serious", "critical")

# With preload axe-core would fetch the style sheets with a script, which the policy of the page
# forbids.
_RUN = """async (some) => {
    const options = { resultTypes: ["violations"], preload: false, ...some };
    const { violations } = await axe.run(document, options);
    return violations.flatMap(({ id, impact, nodes }) => nodes.map((node) => (
        { rule: id, impact, where: node.target.join(" "), why: node.failureSummary }
    )));
}"""

_Scheme = Literal["light", "dark"]

# Dark mode changes only colours.
_RULES: dict[_Scheme, dict[str, Any]] = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}},
}

# Minimum size of 2.5.5 in WCAG 2.2; 2.5.8 requires only 24.
_TARGET = 44

_SMALL = """(least) => [...document.querySelectorAll("main :is(a, button, input, select)")]
    .filter((target) => target.checkVisibility())
    .map((target) => [target.innerText || target.name, target.getBoundingClientRect()])
    .filter(([name, box]) => Math.min(box.width, box.height) < least)
    .map(([name, box]) => `${name}: ${box.width} by ${box.height}`)"""

# Wait for the colour transitions of links.
_FINISH_ANIMATIONS = "Promise.all(document.getAnimations().map((animation) => animation.finished))"


class AxeViolation(NamedTuple):
    """A violated rule with its element and colour scheme."""

    rule: str
    where: str
    scheme: str


def serious_violations(page: Page) -> dict[AxeViolation, str]:
    """Return serious and critical violations, in light and dark mode, with explanations."""
    page.evaluate(_source())
    violations = {}
    for scheme, rules in _RULES.items():
        page.emulate_media(color_scheme=scheme)
        page.evaluate(_FINISH_ANIMATIONS)
        for found in page.evaluate(_RUN, rules):
            if found["impact"] in _SERIOUS_IMPACTS:
                violations[AxeViolation(found["rule"], found["where"], scheme)] = found["why"]
    return violations


def small_targets(page: Page) -> list[str]:
    """Return controls below the minimum size, with their size in pixels."""
    return list(page.evaluate(_SMALL, _TARGET))


def scrolls_horizontally(page: Page) -> bool:
    """Whether the page is wider than its window (WCAG 2.2, 1.4.10)."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def violations_beyond_django(page: Page, *, plain: str) -> dict[AxeViolation, str]:
    """Return the violations that Django's own page at the address ``plain`` does not have.

    Django's admin has violations of its own: in 5.2 breadcrumb links differ from the surrounding
    text only in colour, and the search field has no visible label.
    """
    violations = serious_violations(page)
    if not violations:
        return {}
    page.goto(plain)
    django_violations = serious_violations(page)
    return {
        violation: why
        for violation, why in violations.items()
        if violation not in django_violations
    }


@cache
def _source() -> str:
    return equipment.axe_source()

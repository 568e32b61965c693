"""What axe-core finds wrong with a page for people who cannot see it, or use a mouse."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple

from playwright.sync_api import Page

from tests.browser import equipment

_GRAVE = ("serious", "critical")

# Left to preload, it would fetch the style sheets a second time, which the policy of the page
# forbids to scripts.
_RUN = """async (some) => {
    const options = { resultTypes: ["violations"], preload: false, ...some };
    const { violations } = await axe.run(document, options);
    return violations.flatMap(({ id, impact, nodes }) => nodes.map((node) => (
        { rule: id, impact, where: node.target.join(" "), why: node.failureSummary }
    )));
}"""

_Scheme = Literal["light", "dark"]

# At night a page is the same but for its colours.
_RULES: dict[_Scheme, dict[str, Any]] = {
    "light": {},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}},
}

# As large as 2.5.5 of WCAG 2.2 wants them; 2.5.8 would be content with 24.
_TARGET = 44

_SMALL = """(least) => [...document.querySelectorAll("main :is(a, button, input, select)")]
    .filter((target) => target.checkVisibility())
    .map((target) => [target.innerText || target.name, target.getBoundingClientRect()])
    .filter(([name, box]) => Math.min(box.width, box.height) < least)
    .map(([name, box]) => `${name}: ${box.width} by ${box.height}`)"""

# Django's links take a moment from one colour to another.
_ARRIVE = "Promise.all(document.getAnimations().map((animation) => animation.finished))"


class Fault(NamedTuple):
    """A rule that is broken, and where and when."""

    rule: str
    where: str
    scheme: str


def grave_faults(page: Page) -> dict[Fault, str]:
    """Faults of impact serious or critical, in daylight and at night, and why they are that."""
    page.evaluate(_source())
    faults = {}
    for scheme, rules in _RULES.items():
        page.emulate_media(color_scheme=scheme)
        page.evaluate(_ARRIVE)
        for found in page.evaluate(_RUN, rules):
            if found["impact"] in _GRAVE:
                faults[Fault(found["rule"], found["where"], scheme)] = found["why"]
    return faults


def small_targets(page: Page) -> list[str]:
    """What a finger would find hard to hit, and its size in pixels."""
    return list(page.evaluate(_SMALL, _TARGET))


def moves_sideways(page: Page) -> bool:
    """Whether the page is wider than its window (WCAG 2.2, 1.4.10)."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def faults_of_ours(page: Page, *, plain: str) -> dict[Fault, str]:
    """The faults that Django's own page at the address ``plain`` does not have.

    Django's admin is not without faults: in 5.2 the links of the breadcrumbs differ from the text
    around them by their colour alone, and the lens beside the search is no visible label. We
    answer for what we add.
    """
    faults = grave_faults(page)
    if not faults:
        return {}
    page.goto(plain)
    of_django = grave_faults(page)
    return {fault: why for fault, why in faults.items() if fault not in of_django}


@cache
def _source() -> str:
    return equipment.axe_source()

"""What axe-core finds wrong with a page for people who cannot see it, or use a mouse."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.browser import equipment

_GRAVE = ("serious", "critical")

# Left to preload, it would fetch the style sheets a second time, which the policy of the page
# forbids to scripts.
_RUN = """async () => {
    const options = { resultTypes: ["violations"], preload: false };
    const { violations } = await axe.run(document, options);
    return violations.flatMap(({ id, impact, nodes }) => nodes.map((node) => (
        { rule: id, impact, where: node.target.join(" "), why: node.failureSummary }
    )));
}"""


def grave_faults(page: Page) -> dict[tuple[str, str], str]:
    """Faults of impact serious or critical: why, by rule and place."""
    page.evaluate(_source())
    return {
        (fault["rule"], fault["where"]): fault["why"]
        for fault in page.evaluate(_RUN)
        if fault["impact"] in _GRAVE
    }


def faults_of_ours(page: Page, *, plain: str) -> dict[tuple[str, str], str]:
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

"""The items of the standards that this package must cover.

Levels: M must, S should, B goes beyond. Sources: OWASP ASVS 5.0, NIST SP 800-63B-4, the RFCs by
their numbers, the OWASP cheat sheet on JSON Web Tokens, the draft that updates RFC 8725 ("bis"),
the OpenID FAPI 2.0 Security Profile as far as it is about tokens.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Level(StrEnum):
    """Priority of an item for this package."""

    MUST = "M"
    SHOULD = "S"
    BEYOND = "B"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One requirement of a standard."""

    id: str
    level: Level
    also: tuple[str, ...] = ()
    """Equivalent requirements of other standards."""

    @property
    def chapter(self) -> str:
        """Heading of the item's table on the page."""
        standard, _, section = self.id.partition(" ")
        if standard == "ASVS":
            return CHAPTERS[section.partition(".")[0]]
        return OTHERS


CHAPTERS: Final = {
    "2": "ASVS V2, validation and business logic",
    "3": "ASVS V3, web front ends",
    "4": "ASVS V4, web services",
    "6": "ASVS V6, authentication",
    "7": "ASVS V7, sessions",
    "8": "ASVS V8, authorization",
    "9": "ASVS V9, self-contained tokens",
    "10": "ASVS V10, OAuth",
    "11": "ASVS V11, cryptography",
    "13": "ASVS V13, configuration",
    "14": "ASVS V14, data protection",
    "15": "ASVS V15, secure coding",
    "16": "ASVS V16, logging and errors",
}
NOTES: Final = {
    CHAPTERS[
        "3"
    ]: 'With `"TRANSPORT": "cookie"`. By default no cookie is set and none is read, so '
    "that no other site can have a browser send one.",
}
"""Introductions of chapters."""

OTHERS: Final = "RFCs, NIST and OWASP cheat sheets"

_MUST: Final = """
ASVS 2.3.3
ASVS 3.3.1
ASVS 3.3.2
ASVS 3.3.3
ASVS 3.3.4
ASVS 3.5.1
ASVS 3.5.2
ASVS 3.5.3
ASVS 4.1.3
ASVS 6.1.1
ASVS 6.2.8
ASVS 6.3.1
ASVS 6.3.4
ASVS 6.5.1
ASVS 7.1.1
ASVS 7.1.2
ASVS 7.1.3
ASVS 7.2.1
ASVS 7.2.2
ASVS 7.2.3
ASVS 7.2.4
ASVS 7.3.1
ASVS 7.3.2
ASVS 7.4.1
ASVS 7.4.2
ASVS 7.4.3
ASVS 7.4.4
ASVS 7.4.5
ASVS 7.5.1
ASVS 7.5.2
ASVS 7.6.2
ASVS 8.2.2
ASVS 9.1.1
ASVS 9.1.2
ASVS 9.1.3
ASVS 9.2.1
ASVS 9.2.2
ASVS 9.2.3
ASVS 9.2.4
ASVS 10.3.3 = RFC 8725 §3.8
ASVS 10.3.4
ASVS 10.4.4 = RFC 9700 §2.4
ASVS 10.4.5 = RFC 9700 §4.14.2
ASVS 10.4.8
ASVS 10.4.9
ASVS 11.1.1
ASVS 11.2.2
ASVS 13.3.1
ASVS 14.2.1 = OAuth 2.1 §5.1
ASVS 14.2.7
ASVS 14.3.2 = OAuth 2.1 §3.2.3
ASVS 15.3.4
ASVS 15.4.2
ASVS 16.2.1
ASVS 16.2.5
ASVS 16.3.1
ASVS 16.3.2
ASVS 16.3.3
ASVS 16.4.1
ASVS 16.5.1
ASVS 16.5.3
RFC 7009 §2.2
RFC 8725 §3.1
RFC 8725bis
OWASP JWT CS
SP 800-63B-4 §5.1
SP 800-63B-4 §5.1.1
"""

_SHOULD: Final = """
ASVS 3.4.2
ASVS 6.3.5
ASVS 6.3.7
ASVS 6.3.8
ASVS 7.5.3
ASVS 7.6.1
ASVS 8.3.2
ASVS 10.1.1
ASVS 14.3.1
RFC 7517
RFC 9470 §3 = RFC 9470 §6
RFC 9700 §4.14.2 idle
SP 800-63B-4 §5.2
"""

_BEYOND: Final = """
ASVS 3.3.5
ASVS 10.3.5 = RFC 9449
ASVS 10.4.14 = RFC 9449
RFC 7662 §2.2
FAPI 2.0 §5.3.2.1 tokens
FAPI 2.0 §5.3.2.1 clocks
FAPI 2.0 §5.3.2.1 rotation
FAPI 2.0 §5.3.4
FAPI 2.0 §5.4
CAEP
DBSC
"""


def _read(text: str, level: Level) -> list[Item]:
    items = []
    for line in text.strip().splitlines():
        name, *also = line.split(" = ")
        items.append(Item(id=name, level=level, also=tuple(also)))
    return items


ITEMS: Final = (
    *_read(_MUST, Level.MUST),
    *_read(_SHOULD, Level.SHOULD),
    *_read(_BEYOND, Level.BEYOND),
)

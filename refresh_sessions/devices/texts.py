"""Text that a client says of itself."""

from __future__ import annotations

import re
from typing import Final

USER_AGENT_LENGTH: Final = 512
"""Characters of a user agent that are kept."""

SHORT_LENGTH: Final = 80
"""Characters of the name of a device, however it calls itself."""

_READ_LENGTH: Final = 256
_WORDS: Final = 24
_WORD_LENGTH: Final = 60


_JOINERS: Final = "\u200c\u200d"
"""They hold a family of emoji together, and letters of a Persian word apart."""


def strip_control_chars(text: str) -> str:
    """What a client says of itself, without what would break logs, mails or databases."""
    text = text[:USER_AGENT_LENGTH]
    # Control characters would let a client forge lines in logs (ASVS 16.4.1), and PostgreSQL
    # refuses NUL; lone surrogates fit into no encoding.
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)
    return text.strip()


def shorten(text: str) -> str:
    """What a client says of itself, on one short line."""
    line = " ".join(strip_control_chars(text).split())
    return line if len(line) <= SHORT_LENGTH else f"{line[: SHORT_LENGTH - 1]}…"


# What mail programs make links of: domains, addresses, schemes, paths of file servers; with the
# characters that they and IDNA take for the same (UTS 46), and escapes that a name is decoded of.
_DOTS: Final = ".\u2024\u3002\ufe52\uff0e\uff61"
_ATS: Final = "@\ufe6b\uff20"
_COLONS: Final = ":\ufe13\ufe55\uff1a"
_LINKING: Final = re.compile(
    rf"(?<=\S)[{_DOTS}](?![\s\d]|$)"
    rf"|(?<=\S)[{_COLONS}](?=\S)"
    rf"|[{_ATS}](?=\S)"
    r"|%(?=[0-9A-Fa-f]{2})"
)
_SLASHES: Final = re.compile(r"//+|\\\\+")


def remove_links(text: str) -> str:
    """What somebody says of themselves, on one short line of which no mail program makes a link.

    A blank parts what would be a link: "evil. example", "https: /x", "ada@ example. org".
    Numbers of versions and addresses stay as they are.
    """
    line = _SLASHES.sub(lambda found: found[0][0], " ".join(strip_control_chars(text).split()))
    return shorten(_LINKING.sub(lambda found: f"{found[0]} ", line))


def truncate_user_agent(user_agent: str) -> str:
    """A user agent within what real ones need, for rules that look at each word and blank.

    There are hundreds of such rules, and what fits none of them is looked at by all.
    """
    words = user_agent[:USER_AGENT_LENGTH].split()[:_WORDS]
    return " ".join(word[:_WORD_LENGTH] for word in words)[:_READ_LENGTH]

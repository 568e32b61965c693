"""Cleaning of text from a client: user agents, names of devices and reasons."""

from __future__ import annotations

import re
from typing import Final

USER_AGENT_LENGTH: Final = 512
"""Maximum characters of a stored user agent."""

SHORT_LENGTH: Final = 80
"""Maximum characters of a shown name of a device."""

_READ_LENGTH: Final = 256
_WORDS: Final = 24
_WORD_LENGTH: Final = 60


_JOINERS: Final = "\u200c\u200d"
"""Zero-width characters that combined emoji and Persian words need."""


def strip_control_chars(text: str) -> str:
    """Text from a client without characters that break logs, mails or databases; truncated."""
    text = text[:USER_AGENT_LENGTH]
    # With control characters a client could forge lines in logs (ASVS 16.4.1). PostgreSQL refuses
    # NUL, and lone surrogates cannot be encoded.
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)
    return text.strip()


def shorten(text: str) -> str:
    """Text from a client as one line of at most ``SHORT_LENGTH`` characters."""
    line = " ".join(strip_control_chars(text).split())
    return line if len(line) <= SHORT_LENGTH else f"{line[: SHORT_LENGTH - 1]}…"


# Text that mail programs turn into links: domains, addresses, schemes and network paths, with the
# equivalent characters of IDNA (UTS 46), and percent-encoded characters.
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
    """Text from a client as one short line without text that mail programs turn into links.

    A space splits a link: "evil. example", "https: /x", "ada@ example. org". Version numbers and
    IP addresses are unchanged.
    """
    line = _SLASHES.sub(lambda found: found[0][0], " ".join(strip_control_chars(text).split()))
    return shorten(_LINKING.sub(lambda found: f"{found[0]} ", line))


def truncate_user_agent(user_agent: str) -> str:
    """A user agent limited to the length, words and word lengths of real ones.

    It bounds the time of ua-parser: hundreds of its rules search a text that none of them matches.
    """
    words = user_agent[:USER_AGENT_LENGTH].split()[:_WORDS]
    return " ".join(word[:_WORD_LENGTH] for word in words)[:_READ_LENGTH]

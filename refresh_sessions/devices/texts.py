"""Text that a client says of itself."""

from __future__ import annotations

from typing import Final

USER_AGENT_LENGTH: Final = 512
"""Characters of a user agent that are kept."""

LABEL_LENGTH: Final = 80
"""Characters of the name of a device, however it calls itself."""

_READ_LENGTH: Final = 256
_WORDS: Final = 24
_WORD_LENGTH: Final = 60


_JOINERS: Final = "\u200c\u200d"
"""They hold a family of emoji together, and letters of a Persian word apart."""


def printable(text: str) -> str:
    """What a client says of itself, without what would break logs, mails or databases."""
    text = text[:USER_AGENT_LENGTH]
    # Control characters would let a client forge lines in logs (ASVS 16.4.1), and PostgreSQL
    # refuses NUL; lone surrogates fit into no encoding.
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in _JOINERS else " " for c in text)
    return text.strip()


def label(text: str) -> str:
    """What a client says of itself, on one short line."""
    line = " ".join(printable(text).split())
    return line if len(line) <= LABEL_LENGTH else f"{line[: LABEL_LENGTH - 1]}…"


def tame(user_agent: str) -> str:
    """A user agent within what real ones need, for rules that look at each word and blank.

    There are hundreds of such rules, and what fits none of them is looked at by all.
    """
    words = user_agent[:USER_AGENT_LENGTH].split()[:_WORDS]
    return " ".join(word[:_WORD_LENGTH] for word in words)[:_READ_LENGTH]

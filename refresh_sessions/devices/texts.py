"""Text that a client says of itself."""

from __future__ import annotations

from typing import Final

USER_AGENT_LENGTH: Final = 512
"""Characters of a user agent that are kept."""

_LONGEST: Final = 2 * USER_AGENT_LENGTH


def printable(text: str) -> str:
    """What a client says of itself, without what would break logs, mails or databases."""
    # Control characters would let a client forge lines in logs (ASVS 16.4.1), and PostgreSQL
    # refuses NUL; lone surrogates fit into no encoding.
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST]).strip()

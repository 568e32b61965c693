"""Key errors: configuration errors of keys, each with a remedy and without the key itself."""

from __future__ import annotations

from refresh_sessions.exceptions import SettingsError


class KeyConfigError(SettingsError):
    """A key of ``KEYS`` or ``REFRESH_KEYS`` cannot be used."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy


class UnreadableKeyError(KeyConfigError):
    """The entry is incomplete, or its source has no readable key."""


class WrongKeyError(KeyConfigError):
    """The key does not suit its algorithm or its purpose, or is too short."""


class NoSigningKeyError(KeyConfigError):
    """The first key has to sign, but is a public key."""


class RepeatedKeyError(KeyConfigError):
    """The same key is configured twice."""


class MissingCryptographyError(KeyConfigError):
    """An algorithm needs the library ``cryptography``, which is not installed."""


def missing_cryptography_error(where: str, algorithm: str) -> MissingCryptographyError:
    """The error for an algorithm without the extra ``crypto``."""
    return MissingCryptographyError(
        f"{where} uses {algorithm}, for which the library 'cryptography' is not installed.",
        remedy="Install django-refresh-sessions[crypto].",
    )

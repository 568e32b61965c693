"""What can be wrong with a key in the settings. Each says what to do; none says the key."""

from __future__ import annotations

from refresh_sessions.exceptions import SettingsError


class KeyConfigError(SettingsError):
    """A key of ``KEYS`` or ``REFRESH_KEYS`` cannot be used."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy


class UnreadableKeyError(KeyConfigError):
    """There is no key where the entry says, or what is there is none."""


class WrongKeyError(KeyConfigError):
    """The key cannot be used with its algorithm, or for its purpose, or is too short."""


class NoSigningKeyError(KeyConfigError):
    """The first key, which is to sign, is a public one."""


class RepeatedKeyError(KeyConfigError):
    """The same key stands in two places."""


class MissingCryptographyError(KeyConfigError):
    """An algorithm needs the library ``cryptography``, which is not installed."""


def missing_cryptography_error(where: str, algorithm: str) -> MissingCryptographyError:
    """The fault of a plain installation."""
    return MissingCryptographyError(
        f"{where} uses {algorithm}, for which the library 'cryptography' is not installed.",
        remedy="Install django-refresh-sessions[crypto].",
    )

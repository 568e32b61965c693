"""Checks of ``KEYS`` and ``REFRESH_KEYS``: unusable keys, and keys against the standards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (Django's name)
from django.core.exceptions import ImproperlyConfigured

from refresh_sessions.conf import NAMESPACE, Settings
from refresh_sessions.tokens.keys import Keyring, Purpose, find_config_errors, get_keyring
from refresh_sessions.tokens.keys.errors import (
    KeyConfigError,
    MissingCryptographyError,
    NoSigningKeyError,
    RepeatedKeyError,
    UnreadableKeyError,
    WrongKeyError,
)

_ERRORS: Final[Mapping[type[KeyConfigError], Callable[..., CheckMessage]]] = {
    UnreadableKeyError: partial(Error, id="refresh_sessions.E014"),
    WrongKeyError: partial(Error, id="refresh_sessions.E015"),
    NoSigningKeyError: partial(Error, id="refresh_sessions.E016"),
    RepeatedKeyError: partial(Error, id="refresh_sessions.E017"),
    MissingCryptographyError: partial(Error, id="refresh_sessions.E018"),
}


def find_key_errors(settings: Settings) -> Iterator[CheckMessage]:
    """Find all keys that cannot be used."""
    for error in _config_errors():
        yield _ERRORS[type(error)](error.problem, hint=error.remedy)


def find_key_warnings(settings: Settings) -> Iterator[CheckMessage]:
    """Find keys that work, but are against the standards."""
    if not settings.KEYS or any(True for _ in _config_errors()):
        return
    keyring = get_keyring(Purpose.ACCESS)
    yield from _check_algorithms(keyring)
    yield from _check_mixture(keyring)


def _config_errors() -> Iterator[KeyConfigError]:
    try:
        yield from find_config_errors()
    except ImproperlyConfigured:
        # SECRET_KEY is missing, which Django reports.
        return


def _check_algorithms(keyring: Keyring) -> Iterator[CheckMessage]:
    for key in keyring.verifying.values():
        if key.algorithm == "RS256":
            yield Warning(
                f"{NAMESPACE}['KEYS'] has a key for RS256 ({key.origin}). OWASP ASVS 5 "
                "(appendix C) disallows its padding, PKCS #1 v1.5.",
                hint="Use ES256 or EdDSA, or PS256 with the same key. Silence this check if a "
                "service that verifies your tokens supports RS256 only.",
                id="refresh_sessions.W019",
            )


def _check_mixture(keyring: Keyring) -> Iterator[CheckMessage]:
    kinds = {key.is_symmetric for key in keyring.verifying.values()}
    if len(kinds) > 1:
        yield Warning(
            f"{NAMESPACE}['KEYS'] has symmetric and asymmetric keys: a service that verifies "
            "tokens with a symmetric key can issue tokens for any user (OWASP ASVS 9.1.2).",
            hint="This is correct during a change from symmetric to asymmetric keys. Remove the "
            "symmetric keys, 'SECRET_KEY' included, after the last token signed with them has "
            "expired.",
            id="refresh_sessions.W020",
        )

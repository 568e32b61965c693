"""Keys that cannot be used, and keys that had better not be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  (the name Django gave it)
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
    """What keeps a key from being used: all of it, not only the first."""
    for fault in _config_errors():
        yield _ERRORS[type(fault)](fault.problem, hint=fault.remedy)


def find_key_warnings(settings: Settings) -> Iterator[CheckMessage]:
    """What works with keys, but is against the standards."""
    if not settings.KEYS or any(True for _ in _config_errors()):
        return
    keyring = get_keyring(Purpose.ACCESS)
    yield from _check_algorithms(keyring)
    yield from _check_mixture(keyring)


def _config_errors() -> Iterator[KeyConfigError]:
    try:
        yield from find_config_errors()
    except ImproperlyConfigured:
        # There is no SECRET_KEY, which Django itself has much to say about.
        return


def _check_algorithms(keyring: Keyring) -> Iterator[CheckMessage]:
    for key in keyring.verifying.values():
        if key.algorithm == "RS256":
            yield Warning(
                f"{NAMESPACE}['KEYS'] has a key for RS256 ({key.origin}), whose padding, "
                "PKCS #1 v1.5, OWASP ASVS 5 (appendix C) disallows.",
                hint="Use ES256 or EdDSA, or PS256 with the same key, unless a service that "
                "verifies your tokens knows nothing else; then silence this check.",
                id="refresh_sessions.W019",
            )


def _check_mixture(keyring: Keyring) -> Iterator[CheckMessage]:
    kinds = {key.is_symmetric for key in keyring.verifying.values()}
    if len(kinds) > 1:
        yield Warning(
            f"{NAMESPACE}['KEYS'] has symmetric keys beside others: whoever verifies tokens with "
            "one of the symmetric keys can issue them, for everybody (OWASP ASVS 9.1.2).",
            hint="While you move from the one to the other that is as it must be. Remove the "
            "symmetric keys, 'SECRET_KEY' included, as soon as the last token signed with them "
            "has expired.",
            id="refresh_sessions.W020",
        )

"""Keyrings: the keys of the settings, parsed once per process and cached."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from django.conf import settings as django_settings
from django.utils.encoding import force_bytes

from refresh_sessions.conf import NAMESPACE, Settings, get_settings
from refresh_sessions.tokens.keys.asymmetric import parse_pem, public_jwk
from refresh_sessions.tokens.keys.errors import (
    KeyConfigError,
    NoSigningKeyError,
    RepeatedKeyError,
    UnreadableKeyError,
    WrongKeyError,
)
from refresh_sessions.tokens.keys.model import Key, Keyring, Kind, Purpose
from refresh_sessions.tokens.keys.sources import read_entry
from refresh_sessions.tokens.keys.symmetric import DERIVED, derive_keys, parse_secret

_Entry: TypeAlias = str | tuple[tuple[str, str], ...]
_Entries: TypeAlias = tuple[_Entry, ...]
_Secrets: TypeAlias = tuple[str | bytes, ...]

_SETTING: Final = {Purpose.ACCESS: "KEYS", Purpose.REFRESH: "REFRESH_KEYS"}


def get_keyring(purpose: Purpose) -> Keyring:
    """The keyring for ``purpose``.

    Files and environment variables are read once per process and setting: changes need a restart.

    Raises:
        KeyConfigError: the first configuration error; the system checks list all.

    """
    return _load_keyrings(*_get_configuration())[purpose]


def find_config_errors() -> Iterator[KeyConfigError]:
    """All configuration errors of the keys in the settings."""
    keys, refresh_keys, secrets = _get_configuration()
    yield from _find_errors(_load_all(keys, refresh_keys, secrets), secrets)


def _find_errors(
    loaded: Mapping[Purpose, list[Key | KeyConfigError]], secrets: _Secrets
) -> Iterator[KeyConfigError]:
    for purpose, outcomes in loaded.items():
        yield from (outcome for outcome in outcomes if isinstance(outcome, KeyConfigError))
        yield from _find_unable_to_sign(purpose, outcomes)
    yield from _find_repeated(loaded, secrets)


def public_keys() -> list[dict[str, str]]:
    """The asymmetric keys of access tokens as JWKs, the signing key first."""
    keys = get_keyring(Purpose.ACCESS).verifying.values()
    return [public_jwk(key) for key in keys if not key.is_symmetric]


def _get_configuration() -> tuple[_Entries, _Entries, _Secrets]:
    secrets = (django_settings.SECRET_KEY, *django_settings.SECRET_KEY_FALLBACKS)
    return *_get_entries(get_settings()), secrets


class _EntriesLoader:
    """Converts the entries again if the settings object was replaced."""

    def __init__(self) -> None:
        self._last: tuple[Settings | None, tuple[_Entries, _Entries]] = (None, ((), ()))

    def __call__(self, settings: Settings) -> tuple[_Entries, _Entries]:
        last, entries = self._last
        if settings is not last:
            entries = _to_hashable(settings.KEYS), _to_hashable(settings.REFRESH_KEYS)
            self._last = (settings, entries)
        return entries


def _to_hashable(entries: Sequence[Mapping[str, Any] | str]) -> _Entries:
    return tuple(
        entry
        if isinstance(entry, str)
        else tuple(sorted((name, os.fspath(value)) for name, value in entry.items()))
        for entry in entries or (DERIVED,)
    )


_get_entries: Final = _EntriesLoader()


@lru_cache(maxsize=16)
def _load_keyrings(
    keys: _Entries, refresh_keys: _Entries, secrets: _Secrets
) -> Mapping[Purpose, Keyring]:
    loaded = _load_all(keys, refresh_keys, secrets)
    # lru_cache does not cache exceptions: the next call loads the keys again.
    for error in _find_errors(loaded, secrets):
        raise error
    keyrings = {}
    loaded[Purpose.DEVICE] = list(derive_keys(Purpose.DEVICE, secrets))
    for purpose, outcomes in loaded.items():
        by_kid = {key.kid: key for key in outcomes if isinstance(key, Key)}
        signing = next(iter(by_kid.values()))
        keyrings[purpose] = Keyring(signing=signing, verifying=MappingProxyType(by_kid))
    return keyrings


def _load_all(
    keys: _Entries, refresh_keys: _Entries, secrets: _Secrets
) -> dict[Purpose, list[Key | KeyConfigError]]:
    return {
        Purpose.ACCESS: list(_load(Purpose.ACCESS, keys, secrets)),
        Purpose.REFRESH: list(_load(Purpose.REFRESH, refresh_keys, secrets)),
    }


def _load(
    purpose: Purpose, entries: _Entries, secrets: _Secrets
) -> Iterator[Key | KeyConfigError]:
    for index, entry in enumerate(entries):
        if entry == DERIVED:
            yield from derive_keys(purpose, secrets)
            continue
        try:
            yield _load_one(purpose, entry, f"{NAMESPACE}[{_SETTING[purpose]!r}][{index}]")
        except KeyConfigError as error:
            yield error


def _load_one(purpose: Purpose, raw: _Entry, where: str) -> Key:
    if isinstance(raw, str):
        raise UnreadableKeyError(
            f"{where} is a string other than {DERIVED!r}.",
            remedy="Write a dict, such as {'algorithm': 'ES256', 'file': '/path/to/key.pem'}.",
        )
    entry = read_entry(dict(raw), where)
    if entry.algorithm.kind is Kind.SYMMETRIC:
        return parse_secret(entry, purpose)
    if purpose is Purpose.REFRESH:
        raise WrongKeyError(
            f"{where} uses {entry.algorithm.name}; refresh tokens need a symmetric algorithm.",
            remedy="Use HS256, HS384 or HS512.",
        )
    return parse_pem(entry)


def _find_unable_to_sign(
    purpose: Purpose, outcomes: list[Key | KeyConfigError]
) -> Iterator[KeyConfigError]:
    first = outcomes[0]
    if isinstance(first, Key) and first.secret is None:
        yield NoSigningKeyError(
            f"{NAMESPACE}[{_SETTING[purpose]!r}][0] has to sign, but is a public key.",
            remedy="Put the entry of a private key first; the others only verify.",
        )


def _find_repeated(
    loaded: Mapping[Purpose, list[Key | KeyConfigError]], secrets: _Secrets
) -> Iterator[KeyConfigError]:
    names: dict[object, str] = {
        force_bytes(secret): "SECRET_KEY or one of its fallbacks" for secret in secrets
    }
    for purpose, outcomes in loaded.items():
        for key in outcomes:
            if not isinstance(key, Key):
                continue
            place = f"{NAMESPACE}[{_SETTING[purpose]!r}] ({key.origin})"
            material: object = key.secret if key.is_symmetric else key.kid
            if material in names:
                yield RepeatedKeyError(
                    f"{place} is the same key as {names[material]}.",
                    remedy="List each key once, and use it for nothing else.",
                )
            names.setdefault(material, place)

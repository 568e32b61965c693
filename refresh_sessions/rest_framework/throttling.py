"""Throttles of the endpoints; rates come from ``DEFAULT_THROTTLE_RATES`` or a default.

The scopes are ``session-login``, ``session-login-address``, ``session-refresh`` and
``session-reauthenticate``. The rate None turns a throttle off.
"""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final, Protocol, cast, runtime_checkable

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from refresh_sessions.burst_log import BurstLog
from refresh_sessions.client_ip import get_client_network
from refresh_sessions.conf import get_settings
from refresh_sessions.exceptions import ThrottleUnavailableError
from refresh_sessions.lookups import canonical_username
from refresh_sessions.rest_framework.exceptions import as_api_exceptions
from refresh_sessions.sessions import AccessGrant
from refresh_sessions.tenants import cache_prefix

if TYPE_CHECKING:
    # A circular import: REST framework's views import the throttles of its settings.
    from rest_framework.views import APIView

__all__ = [
    "LoginAddressThrottle",
    "LoginThrottle",
    "ReauthenticateThrottle",
    "RefreshThrottle",
    "VerifyThrottle",
]

_LONGEST_NAME: Final = 4096
"""Maximum characters of a user name that are read; the serializer refuses longer names."""


_BASE_LETTERS: Final[dict[int, str]] = {
    ord(letter): base
    for letter, base in (
        *zip("\u0131\u0142\u00f8\u0111\u00f0\u0127\u0167\u014b\u0138", "iloddhtnq", strict=True),
        *(("\u00e6", "ae"), ("\u0153", "oe"), ("\u00fe", "th")),
    )
}
"""Letters that some collations equate with base letters and that Unicode does not decompose."""

_KANA: Final = 0x60
"""Distance between the code points of a hiragana letter and its katakana letter."""

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))


class _ThrottleCache:
    """The cache of a throttle; each of its errors becomes ``ThrottleUnavailableError``.

    Caches raise the exceptions of their client libraries, which have no common base class.
    """

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def get(self, key: str, default: Any = None) -> Any:
        with _translate_cache_errors():
            return self._cache.get(key, default)

    def set(self, key: str, value: Any, timeout: float) -> None:
        with _translate_cache_errors():
            self._cache.set(key, value, timeout)


@contextmanager
def _translate_cache_errors() -> Iterator[None]:
    """Log an error of the cache and raise ``ThrottleUnavailableError``."""
    try:
        yield
    except Exception as error:
        burst_logger.exception("The cache of the throttles does not respond")
        raise ThrottleUnavailableError from error


@runtime_checkable
class ThrottledView(Protocol):
    """A view that supplies the identifier under which a throttle counts the request."""

    def get_throttle_ident(self, throttle: BaseThrottle) -> str | None:
        """The identifier for ``throttle``, or None if the throttle does not apply to the view."""


class SessionThrottle(SimpleRateThrottle):
    """A throttle with a default rate; the rate is read from the settings at each use.

    Requests get a 503 while its cache does not respond, so that guesses are never unlimited.
    """

    default_rate: str
    cache: Any

    def __init__(self) -> None:
        super().__init__()
        self.cache = _ThrottleCache(self.cache)

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether the request is within the rate; if so, count it.

        Raises:
            SessionAPIException: 503, the cache does not respond.

        """
        with as_api_exceptions():
            return self.admits(request, view)

    def admits(self, request: Any, view: Any) -> bool:
        """``allow_request`` for callers outside REST framework.

        Raises:
            ThrottleUnavailableError: the cache does not respond.

        """
        return super().allow_request(request, view)

    def get_rate(self) -> str | None:
        """The rate of the scope in ``DEFAULT_THROTTLE_RATES``, or the default."""
        rates = api_settings.DEFAULT_THROTTLE_RATES
        return cast("str | None", rates[self.scope]) if self.scope in rates else self.default_rate

    def ident_from(self, view: object) -> str | None:
        """The identifier from the view; None for a view without ``get_throttle_ident``.

        ``DEFAULT_THROTTLE_CLASSES`` applies a throttle to views of other packages as well.
        """
        return view.get_throttle_ident(self) if isinstance(view, ThrottledView) else None

    def build_key(self, *parts: str) -> str:
        """A hashed cache key for this database and tenant.

        Equal user names and primary keys are different accounts in another database or tenant.
        """
        return self.build_shared_key(cache_prefix(), *parts)

    def build_shared_key(self, *parts: str) -> str:
        """A hashed cache key common to all databases and tenants of the cache."""
        digest = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
        return self.cache_format % {"scope": self.scope, "ident": digest}


class LoginThrottle(SessionThrottle):
    """Limits logins per pair of address and account (ASVS 6.3.1).

    Not per account alone: an attacker could lock the account from another address.
    """

    scope = "session-login"
    default_rate = "5/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Address and presented user name."""
        data = request.data
        name = get_settings().field_name("username")
        sent = data.get(name, "") if isinstance(data, Mapping) else ""
        username = str(canonical_username(sent))
        return self.build_key(get_client_network(request._request), normalize_username(username))

    def admits_account(self, view: APIView, accounts: Sequence[str], username: str) -> bool:
        """Whether the attempt is within the rate of the accounts found for the user name.

        Counts the attempt after authentication, once per account and independent of the spelling
        of the name. An unknown name counts as an account of its own.

        Raises:
            ThrottleUnavailableError: the cache does not respond.

        """
        network = get_client_network(view.request._request)
        keys = accounts or (f"nobody\n{normalize_username(username)}",)
        throttles = [_AccountThrottle(self, network, key) for key in keys]
        # A list, not a generator: each throttle must count the attempt.
        return min([throttle.admits(view.request, view) for throttle in throttles])


class _AccountThrottle(LoginThrottle):
    """The count of a ``LoginThrottle`` for one account."""

    def __init__(self, throttle: LoginThrottle, network: str, account: str) -> None:
        self.scope, self.default_rate = throttle.scope, throttle.default_rate
        super().__init__()
        self._key = throttle.build_key(network, "account", account)

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Address and account."""
        return self._key


class LoginAddressThrottle(SessionThrottle):
    """Limits logins per address for all accounts together, against lists of stolen passwords.

    Applies to public addresses only. A private address is probably a proxy that is missing from
    ``TRUSTED_PROXIES``, so the limit would apply to all clients together.
    """

    scope = "session-login-address"
    default_rate = "60/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Address; None for an unknown or private address."""
        network = get_client_network(request._request)
        return (
            self.build_shared_key(network) if network and ip_network(network).is_global else None
        )


class VerifyThrottle(LoginThrottle):
    """Limits second login steps per address and account, independent of the ticket."""

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Address and account of the ticket; None for other views."""
        account = self.ident_from(view)
        return account and self.build_key(
            get_client_network(request._request), "second step", account
        )


class RefreshThrottle(SessionThrottle):
    """Limits refreshes per session. The token is verified first; a refusal does not consume it.

    The view counts a refresh after its result is known: a repeated answer to a sibling is not
    counted.

    Refreshes continue uncounted while the cache does not respond: the client holds a valid token,
    and rotation limits its use.
    """

    key: str | None
    history: list[float]
    now: float
    duration: int

    scope = "session-refresh"
    default_rate = "30/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Session of the verified refresh token; None for other views."""
        session_id = self.ident_from(view)
        return session_id and self.build_key(session_id)

    def admits(self, request: Any, view: Any) -> bool:
        """Whether the refresh is within the rate; True if the cache does not respond."""
        try:
            return super().admits(request, view)
        except ThrottleUnavailableError:
            self.key = None
            return True

    def throttle_success(self) -> bool:
        """Allow the request without counting it."""
        return True

    def count(self) -> None:
        """Count the allowed refresh."""
        # REST framework sets no key if the rate is None.
        if getattr(self, "key", None) is None:
            return
        with suppress(ThrottleUnavailableError):
            # Read again: other requests may have been counted since.
            history = self.cache.get(self.key, [])
            self.cache.set(self.key, [self.now, *history], self.duration)


class ReauthenticateThrottle(SessionThrottle):
    """Limits re-authentications per session, successful and failed ones (ASVS 6.3.1)."""

    scope = "session-reauthenticate"
    default_rate = "5/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Session of the access token; None without an access token of this package."""
        grant: Any = request.auth
        return self.build_key(str(grant.session_id)) if isinstance(grant, AccessGrant) else None


def normalize_username(name: str) -> str:
    """One form for all spellings of a user name that some database considers equal.

    Most collations of MySQL and MariaDB ignore case and accents; some ignore invisible characters.
    Two different names with the same form share a limit, which is harmless. Other spellings of a
    name are counted for the account that authentication finds.
    """
    letters = unicodedata.normalize("NFKD", name[:_LONGEST_NAME].casefold()).casefold()
    # Marks, invisible characters and spaces.
    letters = "".join(letter for letter in letters if unicodedata.category(letter)[0] not in "MCZ")
    plain = "".join(map(_normalize_letter, letters.translate(_BASE_LETTERS)))
    # Case folding turns "ß" into two letters; some collations equate it with one.
    return plain.replace("ss", "s")


def _normalize_letter(letter: str) -> str:
    """Map a digit of any script to ASCII, and katakana to hiragana."""
    digit = unicodedata.digit(letter, None)
    if digit is not None:
        return str(digit)
    return chr(ord(letter) - _KANA) if "\u30a1" <= letter <= "\u30f6" else letter

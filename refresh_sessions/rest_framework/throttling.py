"""Throttles with defaults of their own; a project sets the rates where it sets all others.

The scopes ``session-login``, ``session-login-address``, ``session-refresh`` and
``session-reauthenticate`` may stand in REST framework's ``DEFAULT_THROTTLE_RATES``; None there
turns one off.
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
    # REST framework's views import the throttles that its settings name, and these may be.
    from rest_framework.views import APIView

_LONGEST_NAME: Final = 4096
"""Characters of a name that are looked at; the serializer refuses what is longer."""


_BASE_LETTERS: Final[dict[int, str]] = {
    ord(letter): base
    for letter, base in (
        *zip("\u0131\u0142\u00f8\u0111\u00f0\u0127\u0167\u014b\u0138", "iloddhtnq", strict=True),
        *(("\u00e6", "ae"), ("\u0153", "oe"), ("\u00fe", "th")),
    )
}
"""Letters that collations take for others and that Unicode does not decompose."""

_KANA: Final = 0x60
"""From a letter of hiragana to that of katakana."""

burst_logger = BurstLog(logging.getLogger("refresh_sessions"))


class _Counts:
    """The cache of a throttle; its failures have one name.

    Caches raise what their client libraries raise, and each library has errors of its own.
    """

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def get(self, key: str, default: Any = None) -> Any:
        with _cache_failures():
            return self._cache.get(key, default)

    def set(self, key: str, value: Any, timeout: float) -> None:
        with _cache_failures():
            self._cache.set(key, value, timeout)


@contextmanager
def _cache_failures() -> Iterator[None]:
    """Log what the cache raises, and raise ``ThrottleUnavailableError`` instead."""
    try:
        yield
    except Exception as error:
        burst_logger.exception("The cache in which throttles count does not answer")
        raise ThrottleUnavailableError from error


@runtime_checkable
class ThrottledView(Protocol):
    """A view that supplies the identifier by which a throttle counts its requests."""

    def get_throttle_ident(self, throttle: BaseThrottle) -> str | None:
        """The identifier for this throttle, or None if the throttle is for other views."""


class SessionThrottle(SimpleRateThrottle):
    """A throttle whose rate is read when it is used, and has a default.

    While its cache does not answer, nothing that it guards is tried: 503, and not unlimited
    guesses.
    """

    default_rate: str
    cache: Any

    def __init__(self) -> None:
        super().__init__()
        self.cache = _Counts(self.cache)

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Whether the request is within the rate; it is counted then.

        Raises:
            SessionAPIException: 503, the cache does not answer.

        """
        with as_api_exceptions():
            return self.admits(request, view)

    def admits(self, request: Any, view: Any) -> bool:
        """Do the same for callers without REST framework.

        Raises:
            ThrottleUnavailableError: the cache does not answer.

        """
        return super().allow_request(request, view)

    def get_rate(self) -> str | None:
        """The project's rate for the scope, or the default where it names none."""
        rates = api_settings.DEFAULT_THROTTLE_RATES
        return cast("str | None", rates[self.scope]) if self.scope in rates else self.default_rate

    def ident_from(self, view: object) -> str | None:
        """The identifier that the view supplies; None for views without one.

        ``DEFAULT_THROTTLE_CLASSES`` applies a throttle to views of other packages, too.
        """
        return view.get_throttle_ident(self) if isinstance(view, ThrottledView) else None

    def build_key(self, *parts: str) -> str:
        """A cache key that shows nobody whose it is, for this database and tenant.

        Accounts of the same name, and users of the same number, are others elsewhere.
        """
        return self.build_shared_key(cache_prefix(), *parts)

    def build_shared_key(self, *parts: str) -> str:
        """The same for all databases and tenants that share the cache."""
        digest = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
        return self.cache_format % {"scope": self.scope, "ident": digest}


class LoginThrottle(SessionThrottle):
    """Sign-ins per address and account (ASVS 6.3.1).

    Of both together: nobody can lock another's account from elsewhere.
    """

    scope = "session-login"
    default_rate = "5/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """By address and by the user name that was tried."""
        data = request.data if isinstance(request.data, Mapping) else {}
        sent = data.get(get_settings().field_name("username"), "")
        username = str(canonical_username(sent))
        return self.build_key(get_client_network(request._request), normalize_username(username))

    def admits_account(self, view: APIView, accounts: Sequence[str], username: str) -> bool:
        """Whether the guess is within the rate of the account that the name stands for.

        Counted once the account is known, whatever it was called, and as often for a name of
        nobody's.

        Raises:
            ThrottleUnavailableError: the cache does not answer.

        """
        network = get_client_network(view.request._request)
        keys = accounts or (f"nobody\n{normalize_username(username)}",)
        throttles = [_AccountThrottle(self, network, key) for key in keys]
        # Each of them counts, whatever the others say.
        return min([throttle.admits(view.request, view) for throttle in throttles])


class _AccountThrottle(LoginThrottle):
    """The count of a ``LoginThrottle`` for one account."""

    def __init__(self, throttle: LoginThrottle, network: str, account: str) -> None:
        self.scope, self.default_rate = throttle.scope, throttle.default_rate
        super().__init__()
        self._key = throttle.build_key(network, "account", account)

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """By address and by the account."""
        return self._key


class LoginAddressThrottle(SessionThrottle):
    """Sign-ins per address, whatever the account: stolen lists are tried from few addresses.

    Of addresses of the internet. A private one is more often that of a proxy which nobody named in
    ``TRUSTED_PROXIES`` than that of a person, and would stand for everybody.
    """

    scope = "session-login-address"
    default_rate = "60/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """By address alone; None where it is not known whose it is."""
        network = get_client_network(request._request)
        return (
            self.build_shared_key(network) if network and ip_network(network).is_global else None
        )


class VerifyThrottle(LoginThrottle):
    """Second steps of sign-ins, as their first steps: another ticket is no new start."""

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """By address and by the account that the ticket is for; None for other views."""
        account = self.ident_from(view)
        return account and self.build_key(
            get_client_network(request._request), "second step", account
        )


class RefreshThrottle(SessionThrottle):
    """Refreshes per session. The token is verified first and not consumed by a refusal.

    The view counts a refresh when it knows the answer: what repeats the answer to a sibling weighs
    nothing.

    While the cache does not answer they go on uncounted: whoever refreshes holds a token, and
    rotation itself bounds what it is good for.
    """

    key: str | None
    history: list[float]
    now: float
    duration: int

    scope = "session-refresh"
    default_rate = "30/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """By session: nobody without its token can use up its share. None for other views."""
        session_id = self.ident_from(view)
        return session_id and self.build_key(session_id)

    def admits(self, request: Any, view: Any) -> bool:
        """Whether the refresh is within the rate, or cannot be counted."""
        try:
            return super().admits(request, view)
        except ThrottleUnavailableError:
            self.key = None
            return True

    def throttle_success(self) -> bool:
        """Admit the request without counting it."""
        return True

    def count(self) -> None:
        """Count the refresh that was admitted."""
        # REST framework sets neither where the rate is None.
        if getattr(self, "key", None) is None:
            return
        with suppress(ThrottleUnavailableError):
            # Others may have been counted since.
            history = self.cache.get(self.key, [])
            self.cache.set(self.key, [self.now, *history], self.duration)


class ReauthenticateThrottle(SessionThrottle):
    """Proofs of identity per session, right and wrong ones (ASVS 6.3.1)."""

    scope = "session-reauthenticate"
    default_rate = "5/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """By session: nobody without its token can use up its share. None without our token."""
        grant: Any = request.auth
        return self.build_key(str(grant.session_id)) if isinstance(grant, AccessGrant) else None


def normalize_username(name: str) -> str:
    """What stands for all ways to write a name that some database takes for the same.

    Most collations of MySQL and MariaDB tell neither capitals nor accents apart, and some of them
    pass over characters that nobody sees. That two names may share a count does no harm; spellings
    that only a database knows of are counted by the account that they lead to.
    """
    letters = unicodedata.normalize("NFKD", name[:_LONGEST_NAME].casefold()).casefold()
    # Marks, invisible characters and spaces.
    letters = "".join(letter for letter in letters if unicodedata.category(letter)[0] not in "MCZ")
    plain = "".join(map(_normalize_letter, letters.translate(_BASE_LETTERS)))
    # "ß", of which case folding makes two letters and some collations one.
    return plain.replace("ss", "s")


def _normalize_letter(letter: str) -> str:
    """A digit of any script in ours, and katakana as hiragana."""
    digit = unicodedata.digit(letter, None)
    if digit is not None:
        return str(digit)
    return chr(ord(letter) - _KANA) if "\u30a1" <= letter <= "\u30f6" else letter

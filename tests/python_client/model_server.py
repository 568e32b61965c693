"""The endpoints over one family in memory: the package's rotation rule, and injected faults."""

from __future__ import annotations

import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from threading import Lock
from typing import Any

import httpx

from refresh_sessions.rotation import FamilyState, Presenter, Rules, Verdict, judge
from tests.python_client.simulated_clock import SimulatedClock

ORIGIN = "https://api.example.org"
BASE_URL = f"{ORIGIN}/auth/"
COMPANION = "__Host-refresh_companion=c0ffee"
CREDENTIALS = {"username": "ada@example.org", "password": "correct horse"}

DAY = timedelta(days=1)

Fault = Callable[[httpx.Request, Callable[[], httpx.Response]], httpx.Response]


class ModelServer:
    """A handler for ``httpx.MockTransport``; a new login replaces the session of before."""

    def __init__(self, clock: SimulatedClock, *, lifetime: float = 60.0, overlap: float = 10.0):
        self.clock, self.lifetime = clock, lifetime
        self.rules = Rules(overlap=timedelta(seconds=overlap), lost_response_recovery=True)
        self.names: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.times: dict[str, list[float]] = defaultdict(list)
        self.seen: list[httpx.Request] = []
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        """Faults of the next requests of a path."""
        self.always: Fault | None = None
        """A fault of each request to an endpoint of the package."""
        self.reuses = 0
        self.session = self.serial = 0
        self.scheme = "Bearer"
        """The scheme of access tokens."""
        self.fields: dict[str, Any] = {}
        """Further fields of answers with tokens."""
        self.authenticated_at = float("-inf")
        self.family: FamilyState | None = None
        self._lock = Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; injected faults come first."""
        with self._lock:
            path = request.url.path.removeprefix("/auth")
            self.calls[path] += 1
            self.times[path].append(self.clock.now)
            self.seen.append(request)
            self.clock.advance(0.01)
            fault = self.faults[path].popleft() if self.faults[path] else None
            if fault is None and request.url.path.startswith("/auth/"):
                fault = self.always
            return (
                fault(request, lambda: self._answer(request)) if fault else self._answer(request)
            )

    def revoke(self) -> None:
        assert self.family is not None
        self.family = replace(self.family, revoked=True)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now, UTC)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content[:1] == b"{" else {}
        match request.url.path:
            case "/auth/login/":
                return self._log_in(body)
            case "/auth/refresh/":
                return self._refresh(body.get(self._name("refresh")), request)
            case "/auth/logout/":
                self.revoke()
                return self.reply(204)
            case "/auth/reauthenticate/":
                return self._reauthenticate(body, request)
            case path:
                return self._view(path, request)

    def _log_in(self, body: dict[str, Any]) -> httpx.Response:
        sent = {name: body.get(self._name(name)) for name in CREDENTIALS}
        if sent != CREDENTIALS:
            return self.refuse(401, "no_active_account")
        self.session += 1
        self.authenticated_at = self.clock.now
        self.family = FamilyState(
            generation=1,
            redeemable_generation=None,
            rotated_at=None,
            delivered_at=None,
            idle_expires_at=self.now + 7 * DAY,
            expires_at=self.now + 7 * DAY,
            revoked=False,
            account_changed=False,
        )
        cookie = {"Set-Cookie": f"{COMPANION}; Path=/; Secure; HttpOnly"}
        return self._issue(refresh=True, headers=cookie)

    def _refresh(self, token: str | None, request: httpx.Request) -> httpx.Response:
        if token is None:
            return self.refuse(401, "not_authenticated")
        family, (session, generation) = self.family, map(int, token.split(".")[1:])
        if family is None or session != self.session:
            return self.refuse(401, "session_revoked")
        shown = request.headers.get("cookie") == COMPANION
        presenter = Presenter(shows_companion=shown, resembles_last_client=True)
        expires_at = self.now + 7 * DAY
        verdict = judge(
            generation,
            family,
            presenter=presenter,
            token_expires_at=expires_at,
            now=self.now,
            rules=self.rules,
        )
        if verdict.issues_token:
            self._rotate(family, generation, shown=shown)
        elif verdict is Verdict.ACCESS_ONLY:
            self.family = replace(family, sibling_answered=True)
        elif verdict is Verdict.SUPERSEDED:
            return self.refuse(409, "refresh_superseded")
        elif not verdict.repeats:
            self.reuses += verdict is Verdict.REUSED
            self.revoke()
            return self.refuse(401, "session_revoked")
        return self._issue(refresh=verdict is not Verdict.ACCESS_ONLY)

    def _rotate(self, family: FamilyState, generation: int, *, shown: bool) -> None:
        newest = max(family.generation, generation) + 1
        self.family = replace(
            family,
            generation=newest,
            redeemable_generation=generation,
            rotated_at=self.now,
            delivered_at=None,
            companion_generation=newest if shown else family.companion_generation,
            sibling_answered=False,
        )

    def _reauthenticate(self, body: dict[str, Any], request: httpx.Request) -> httpx.Response:
        if refusal := self._check_access(request):
            return refusal
        if body != {"password": CREDENTIALS["password"]}:
            return self.refuse(401, "reauthentication_failed")
        self.authenticated_at = self.clock.now
        return self._issue(refresh=False)

    def _view(self, path: str, request: httpx.Request) -> httpx.Response:
        if refusal := self._check_access(request):
            return refusal
        if path == "/sensitive/" and self.clock.now - self.authenticated_at > 300:
            challenge = {"WWW-Authenticate": 'Bearer error="insufficient_user_authentication"'}
            return self.refuse(401, "reauthentication_required", headers=challenge)
        if path == "/auth/sessions/":
            return self.reply(200, [{"id": str(self.session), "is_current": True}])
        return self.reply(200, {"echo": request.content.decode()})

    def _check_access(self, request: httpx.Request) -> httpx.Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != self.scheme:
            return self.refuse(401, "not_authenticated")
        session, generation, issued_at = map(float, token.split("_")[1:4])
        family = self.family
        if family is None or family.revoked or session != self.session:
            return self.refuse(401, "session_revoked")
        if self.clock.now - issued_at >= self.lifetime:
            return self.refuse(401, "token_not_valid", reason="token_expired")
        if generation < family.oldest_usable:
            return self.refuse(401, "token_not_valid", reason="token_superseded")
        old = family.rotated_at and self.now - family.rotated_at > timedelta(minutes=1)
        if old and generation == family.generation:
            self.family = replace(family, delivered_at=self.now)
        return None

    def _issue(self, *, refresh: bool, headers: dict[str, str] | None = None) -> httpx.Response:
        assert self.family is not None
        self.serial += 1
        generation, issued_at = self.family.generation, self.clock.now
        body = {
            "access": f"a_{self.session}_{generation}_{issued_at}_{self.serial}",
            "access_expires_at": (self.now + timedelta(seconds=self.lifetime)).isoformat(),
            **self.fields,
        }
        if refresh:
            body["refresh"] = f"r.{self.session}.{generation}"
        renamed = {self._name(name): value for name, value in body.items()}
        return self.reply(200, renamed, headers)

    def _name(self, field: str) -> str:
        return self.names.get(field, field)

    def reply(
        self, status: int, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        date = {"Date": formatdate(self.clock.now, usegmt=True)}
        content = b"" if body is None else json.dumps(body).encode()
        return httpx.Response(status, content=content, headers={**date, **(headers or {})})

    def refuse(
        self, status: int, code: str, *, headers: dict[str, str] | None = None, **body: Any
    ) -> httpx.Response:
        return self.reply(status, {"detail": "Refused.", "code": code, **body}, headers)


def lost(request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
    """Process the request, and lose the answer."""
    answer()
    raise httpx.ReadTimeout("lost", request=request)


def unsent(request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
    """Lose the request."""
    raise httpx.ConnectError("refused", request=request)


def replying(status: int, content: bytes = b"", **headers: str) -> Fault:
    """Answer with this response; underscores in names of headers stand for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    def fault(request: httpx.Request, answer: Callable[[], httpx.Response]) -> httpx.Response:
        return httpx.Response(status, content=content, headers=named)

    return fault

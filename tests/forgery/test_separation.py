"""Three attackers with partial knowledge: the database, the keys, or the logs."""

import base64
import json
import logging

import pytest
from django.conf import settings as django_settings
from django.core import serializers
from django.db import connections
from django.test import override_settings
from django.views.debug import SafeExceptionReporterFilter

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import check_access_token
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.keys import Purpose
from tests.api.client import Client, problem
from tests.domain.client_actions import call, session_of
from tests.factories import PASSWORD
from tests.forgery.endpoints import (
    ENDPOINTS,
    SECRET,
    WITHOUT_LOGOUT,
    no_writes,
    send_all,
)
from tests.forgery.tokens import changed, key_of, sign_by_hmac
from tests.keys import text
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db


class TestDatabaseLeak:
    """The attacker can read every row and has no key."""

    def test_database_contains_no_token_or_secret(self, targets):
        rows = [*DeviceSession.objects.all(), *TokenFamily.objects.all()]
        dump = serializers.serialize("json", [*rows, *SessionEvent.objects.all()])
        for pair in (targets.victim, targets.sibling, targets.stranger):
            for token in (pair.access, pair.refresh):
                assert token not in dump
                assert token.rpartition(".")[2] not in dump
            assert parts(pair.refresh)[1]["secret"] not in dump
        assert django_settings.SECRET_KEY not in dump

    def test_forgery_signed_with_database_content_is_refused(self, targets):
        family = TokenFamily.objects.get(pk=targets.victim.family.pk)
        session = DeviceSession.objects.get(pk=targets.victim.session.pk)
        found = [family.secret_digest, session.auth_hash, str(family.pk), session.user.password]
        known = [*map(str.encode, found), *(bytes.fromhex(text) for text in found[:2])]
        tokens = []
        for purpose in (Purpose.ACCESS, Purpose.REFRESH):
            claims = targets.claims(purpose)
            if purpose is Purpose.REFRESH:
                # The database has only the digest of the secret.
                claims["secret"] = family.secret_digest[:22]
            header = {**targets.header(purpose), "alg": "HS256"}
            tokens += [
                (f"{purpose} with {key[:4]!r}", sign_by_hmac(header, claims, key)) for key in known
            ]
        with no_writes():
            count, wrong = send_all(tokens, ENDPOINTS)
        assert wrong == []
        assert count == 12


class TestKeyLeak:
    """The attacker has the keys of both kinds and cannot read the database."""

    def test_refresh_token_forged_with_leaked_key_is_refused(self, targets):
        claims = targets.claims(Purpose.ACCESS)
        known = {name: claims[name] for name in ("sid", "fid")}
        guesses = [refresh_tokens.new_secret(), "A" * 22, claims["jti"]]
        tokens = [
            (
                f"generation {gen}",
                changed(targets, Purpose.REFRESH, claims={**known, "secret": secret, "gen": gen}),
            )
            for gen in (1, 2, 100)
            for secret in guesses
        ]
        with no_writes():
            count, wrong = send_all(tokens, WITHOUT_LOGOUT)
        assert wrong == []
        assert count == 9

    def test_keys_of_both_kinds_differ(self, targets):
        mine, other = key_of(Purpose.ACCESS), key_of(Purpose.REFRESH)
        assert mine.kid != other.kid
        assert mine.secret != other.secret

    def test_access_token_forged_with_leaked_key_is_valid_until_session_expires(self, targets):
        """Why a leaked key must be removed at once."""
        forged = changed(targets, Purpose.ACCESS, claims={"exp": 2**31})
        assert check_access_token(forged).user == targets.victim.session.user
        DeviceSession.objects.update(expires_at="2020-01-01T00:00:00Z")
        with pytest.raises(InvalidTokenError):
            check_access_token(forged)

    def test_token_forged_with_leaked_key_after_key_removal_is_refused(
        self, targets, options, settings
    ):
        forged = changed(targets, Purpose.ACCESS)
        options(KEYS=[{"algorithm": "HS256", "value": text("HS256", 21)}])
        with pytest.raises(InvalidTokenError):
            access_tokens.verify(forged)
        with override_settings(SECRET_KEY="new" * 20), pytest.raises(InvalidTokenError):
            access_tokens.verify(forged)


class TestLogLeak:
    """The attacker can read all logs at level DEBUG and all error reports."""

    def test_logs_contain_no_secret(self, targets, reports, caplog, monkeypatch, options):
        caplog.set_level(logging.DEBUG)
        for name in ("django", "django.db.backends", "refresh_sessions"):
            caplog.set_level(logging.DEBUG, logger=name)
        # Otherwise Django logs no statements.
        monkeypatch.setattr(connections["default"], "force_debug_cursor", True)
        api = Client(raise_request_exception=False)
        secrets = list(_use_every_endpoint(api, targets))
        secrets += [t for p in (targets.victim, targets.sibling) for t in (p.access, p.refresh)]
        _break_every_endpoint(monkeypatch)
        secrets += list(_failures(api, targets))
        assert len(reports) == 5
        # At this level statements include parameters, among them digests but no secrets.
        seen = "".join([caplog.text, *reports, *(str(r.__dict__) for r in caplog.records)])
        assert "INSERT INTO" in seen
        assert "broken on purpose" in seen
        assert "Refresh token reused" in seen
        for secret in _derived_texts(secrets):
            assert secret not in seen

    def test_error_report_settings_contain_no_key(self, targets, settings):
        keys = [text("HS256", number) for number in (41, 42)]
        settings.REFRESH_SESSIONS = {
            "KEYS": [{"algorithm": "HS256", "value": keys[0]}],
            "REFRESH_KEYS": [{"algorithm": "HS256", "value": keys[1]}],
        }
        shown = str(SafeExceptionReporterFilter().get_safe_settings())
        assert "REFRESH_KEYS" in shown
        assert not any(key in shown for key in keys)


def _use_every_endpoint(api, targets):
    """Log in, refresh, reuse a token, introspect, revoke; yield the secrets."""
    user = targets.victim.session.user
    credentials = {"username": user.get_username(), "password": PASSWORD}
    yield PASSWORD
    first = api.post("login/", credentials).json()
    yield from (first["access"], first["refresh"])
    api.post("login/", {**credentials, "password": "wrong " + PASSWORD})
    held = first
    for _ in range(3):
        TokenFamily.objects.update(rotated_at=None)
        held = api.post("refresh/", {"refresh": held["refresh"]}).json()
        yield from (held["access"], held["refresh"])
        assert api.get("sessions/", access=held["access"]).status_code == 200
    assert problem(api.post("refresh/", {"refresh": first["refresh"]}))[0] == 401
    for token in (held["refresh"], targets.stranger.refresh, "a.b.c"):
        body = {"token": token, "token_type_hint": "refresh_token"}
        api.post("introspect/", body, headers={"authorization": f"Basic {_basic()}"})
        api.raw.post("/auth/revoke/", {"token": token}, format="json")
    yield from (targets.stranger.refresh, targets.stranger.access)
    assert session_of(targets.stranger).revoked_at


def _break_every_endpoint(monkeypatch) -> None:
    def fail(*args, **kwargs):
        raise RuntimeError("broken on purpose")

    views = "refresh_sessions.rest_framework.views"
    for place in (
        f"{views}.tokens.refresh_session",
        f"{views}.tokens.log_out",
        f"{views}.oauth.log_out",
        f"{views}.oauth.introspect_access_token",
        "refresh_sessions.rest_framework.authentication.check_access_token",
    ):
        monkeypatch.setattr(place, fail)


def _failures(api, targets):
    """Call each endpoint; the answers are 500, with an error report. Yield the secrets."""
    pair = targets.victim
    assert call(pair) == "ok"
    yield SECRET
    token = {"token": pair.refresh, "token_type_hint": "refresh_token"}
    for path, body, headers in (
        ("refresh/", {"refresh": pair.refresh}, {}),
        ("logout/", {"refresh": pair.refresh}, {}),
        ("revoke/", token, {}),
        ("introspect/", token, {"authorization": f"Basic {_basic()}"}),
    ):
        answer = api.raw.post(
            f"/auth/{path}", json.dumps(body), headers=headers, content_type="application/json"
        )
        assert answer.status_code == 500, path
    headers = {"authorization": f"Bearer {pair.access}"}
    assert api.raw.get("/auth/sessions/", headers=headers).status_code == 500
    yield _basic()


def _basic() -> str:
    return base64.b64encode(f"service:{SECRET}".encode()).decode()


def _derived_texts(secrets):
    """Yield the texts, the parts of tokens, and the secrets of families."""
    for secret in secrets:
        yield secret
        if secret.count(".") == 2:
            yield secret.rpartition(".")[2]
            yield secret.split(".")[1]
            if inner := parts(secret)[1].get("secret"):
                yield inner

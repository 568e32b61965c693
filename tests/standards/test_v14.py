"""ASVS V14, data protection: places of tokens, retention, caching."""

import base64
import hashlib
from datetime import timedelta
from unittest import mock

import pytest
from django.core.management import call_command
from django.urls import get_resolver

from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from refresh_sessions.sessions import refresh_session
from tests.api.client import Client, problem
from tests.domain.client_actions import call, delivered, refused, session_of
from tests.keys import entry
from tests.standards.registry import passes

pytestmark = pytest.mark.django_db

NAME = "__Host-refresh_token"
BILLING = {"authorization": f"Basic {base64.b64encode(b'billing:secret').decode()}"}


@passes(
    "ASVS 14.2.1",
    "Tokens are sent in headers, bodies and cookies: a token in a URL is ignored, and no URL "
    "contains one.",
)
def test_asvs_14_2_1_token_in_url_is_ignored(api, client, pair, options):
    for name in ("access_token", "access", "token", "Authorization"):
        answer = client.get(f"/who-am-i/?{name}={pair.access}")
        assert problem(answer) == (401, "not_authenticated")
    for path in ("refresh/", "logout/"):
        for name in ("refresh", "refresh_token", "token"):
            answer = api.post(f"{path}?{name}={pair.refresh}")
            assert problem(answer) == (401, "not_authenticated")
    for path in ("revoke/", "introspect/"):
        options(INTROSPECTION_CLIENTS={"billing": hashlib.sha256(b"secret").hexdigest()})
        answer = api.post(f"{path}?token={pair.refresh}", headers=BILLING)
        assert problem(answer) == (400, "invalid_request")
    assert call(pair) == "ok"


@passes(
    "ASVS 14.2.7",
    "`prune_refresh_sessions` deletes sessions, with their families and events, 30 days after "
    "their hard limit and none before it: reuse can be detected only while the row exists.",
)
def test_asvs_14_2_7_prune_keeps_rows_until_retention_ends(pair, clock):
    used = pair.refresh
    pair = refresh_session(used)
    delivered(pair, clock)
    limit = session_of(pair).expires_at
    clock.move(limit - clock.now - timedelta(seconds=1))
    call_command("prune_refresh_sessions", "--older-than", "0s", verbosity=0)
    assert refused(used) == "session_revoked"
    assert session_of(pair).revoked_reason == "reuse"
    clock.move(timedelta(days=30))
    call_command("prune_refresh_sessions", verbosity=0)
    assert DeviceSession.objects.count() == 1
    clock.move(timedelta(seconds=1))
    call_command("prune_refresh_sessions", verbosity=0)
    counts = [model.objects.count() for model in (DeviceSession, TokenFamily, SessionEvent)]
    assert counts == [0, 0, 0]


def clears(answer) -> bool:
    cookie = answer.cookies.get(NAME)
    return cookie is not None and (cookie.value, cookie["max-age"]) == ("", 0)


@passes(
    "ASVS 14.3.1",
    "Every logout deletes the cookie in the browser; scripts delete what they hold at 204, "
    "401 and 403. A refused refresh keeps the cookie: another login may have set it.",
)
@pytest.mark.usefixtures("cookies")
@pytest.mark.parametrize("end", ["logout/", "sessions/revoke-all/", "sessions/{}/"])
def test_asvs_14_3_1_revoked_session_cookie_is_cleared(pair, end):
    browser = Client()
    browser.raw.cookies[NAME] = pair.refresh
    method = "delete" if "{" in end else "post"
    answer = browser.request(method, end.format(pair.session.pk), access=pair.access)
    assert answer.status_code in {200, 204}
    assert clears(answer)


@passes(
    "ASVS 14.3.2",
    "Every answer of the package has `Cache-Control: no-store`, errors too; only the public "
    "keys of `jwks.json` may be cached.",
)
def test_asvs_14_3_2_answer_has_no_store(api, credentials, pair, clock):
    session_id = pair.session.pk
    calls = [
        ("post", "login/", credentials, None),
        ("post", "login/", {**credentials, "password": "wrong"}, None),
        ("post", "login/", {}, None),
        ("get", "login/", None, None),
        ("post", "refresh/", {"refresh": pair.refresh}, None),
        ("post", "refresh/", {"refresh": "garbage"}, None),
        ("get", "sessions/", None, pair.access),
        ("get", "sessions/", None, "garbage"),
        ("get", "sessions/", None, None),
        ("get", f"sessions/{session_id}/", None, pair.access),
        ("patch", f"sessions/{session_id}/", {"name": "Phone"}, pair.access),
        ("get", "sessions/none/", None, pair.access),
        ("post", "sessions/branch/", {"refresh": "garbage"}, pair.access),
        ("post", "sessions/revoke-others/", None, pair.access),
        ("delete", f"sessions/{session_id}/", None, pair.access),
        ("post", "refresh/", {"refresh": pair.refresh}, None),
        ("post", "logout/", {"refresh": pair.refresh}, None),
    ]
    statuses = set()
    for method, path, body, access in calls:
        options = {} if body is None else {"data": body, "format": "json"}
        headers = {"authorization": f"Bearer {access}"} if access else {}
        answer = getattr(api.raw, method)(f"/auth/{path}", headers=headers, **options)
        assert answer["Cache-Control"] == "no-store", (method, path)
        statuses.add(answer.status_code)
    assert statuses == {200, 204, 400, 401, 404, 405}


@pytest.mark.parametrize("media", ["application/json", "text/plain"])
@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete", "options"])
def test_asvs_14_3_2_answer_of_every_endpoint_has_no_store(api, pair, options, method, media):
    pytest.importorskip("cryptography", reason="the extra crypto is not installed")
    options(
        INTROSPECTION_CLIENTS={"billing": hashlib.sha256(b"secret").hexdigest()},
        KEYS=[entry("ES256"), "SECRET_KEY"],
    )
    kept = []
    for headers in ({}, BILLING, {"authorization": f"Bearer {pair.access}"}):
        for pattern in get_resolver("refresh_sessions.urls").url_patterns:
            path = str(pattern.pattern).replace("<str:session_id>", "none")
            send = getattr(api.raw, method)
            content = {} if method in {"get", "head"} else {"data": "{}", "content_type": media}
            answer = send(f"/auth/{path}", headers=headers, **content)
            assert answer.status_code != 500
            if answer["Cache-Control"] != "no-store":
                kept.append((path, answer.status_code, answer["Cache-Control"]))
    public = ("jwks.json", 200, "public, max-age=300")
    assert kept == ([public] * 3 if method in {"get", "head"} else [])


def test_asvs_14_3_2_throttled_or_busy_answer_has_no_store(api, credentials, monkeypatch):
    answers = [api.raw.post("/auth/login/", credentials, format="json") for _ in range(6)]
    busy = mock.Mock(side_effect=DatabaseBusyError)
    monkeypatch.setattr("refresh_sessions.rest_framework.views.tokens.refresh_session", busy)
    body = {"refresh": answers[0].json()["refresh"]}
    answers.append(api.raw.post("/auth/refresh/", body, format="json"))
    assert [answer.status_code for answer in answers[-2:]] == [429, 503]
    assert {answer["Cache-Control"] for answer in answers} == {"no-store"}

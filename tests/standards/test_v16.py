"""ASVS V16, logging and errors: required content, secrets, failures."""

import base64
import logging
from datetime import timedelta

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.db import OperationalError, connection

from refresh_sessions.models import DeviceSession, SessionEvent
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.api.client import Client, problem
from tests.domain.client_actions import STORED_BY_THEN, call, delivered, kinds, refused
from tests.factories import PASSWORD, make_pair
from tests.standards.registry import passes
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db

SECURITY = "refresh_sessions.security"


@pytest.fixture
def log(caplog):
    """Capture all logging; return a function that reads the new records of the security log."""
    caplog.set_level(logging.DEBUG)

    def lines():
        records = [record for record in caplog.records if record.name == SECURITY]
        caplog.clear()
        return records

    return lines


@passes(
    "ASVS 16.2.1",
    "A record of `refresh_sessions.security` and a row of `SessionEvent` have the event, the "
    "session, the user, the actor, the time and the address.",
)
def test_asvs_16_2_1_security_log_has_event_user_time_address(api, credentials, user, log, clock):
    session_id = api.post("login/", credentials).json()["session"]["id"]
    (line,) = log()
    assert (line.event, line.session_id, line.user_id) == ("signed_in", session_id, user.pk)
    assert line.ip_address == "127.0.0.1"
    assert abs(line.created - clock.now.timestamp()) < 1
    session = DeviceSession.objects.get()
    clock.move(timedelta(hours=1))
    revoke_session(session, reason="admin", by=user)
    event = session.events.get(kind="revoked")
    assert (event.created_at, event.actor, event.details) == (
        *(clock.now, user, {"reason": "admin"}),
    )
    (line,) = log()
    assert (line.event, line.session_id, line.actor_id) == ("revoked", session_id, user.pk)


@passes(
    "ASVS 16.2.5",
    "No log contains a token, secret or password; the user name of a failed login is logged "
    "as a digest.",
)
def test_asvs_16_2_5_log_contains_no_token_or_password(api, login, user, caplog, clock):
    caplog.set_level(logging.DEBUG)
    tokens = login(device_name="A phone")
    old = tokens["refresh"]
    tokens = {**tokens, **api.post("refresh/", {"refresh": old}).json()}
    clock.move(STORED_BY_THEN)
    api.get("sessions/", access=tokens["access"])
    api.get("sessions/", access=f"{tokens['access'][:-4]}AAAA")
    api.post("login/", {"username": f"{PASSWORD}-oops", "password": f"{PASSWORD}-wrong"})
    stolen = Client().post("refresh/", {"refresh": old})
    assert problem(stolen) == (401, "session_revoked")
    api.post("logout/", {"refresh": tokens["refresh"]})
    written = "\n".join(f"{vars(record)}" for record in caplog.records)
    assert SECURITY in written
    secret = parts(old)[1]["secret"]
    for hidden in (PASSWORD, secret, old, tokens["refresh"], tokens["access"]):
        assert hidden not in written
        assert hidden.rpartition(".")[2] not in written
    assert secret not in f"{list(SessionEvent.objects.values())}"


def test_asvs_16_2_5_log_contains_no_ticket_code_or_client_secret(api, ada, options, caplog):
    caplog.set_level(logging.DEBUG)
    code, service = "a code that is none", "the secret of a service that has none"
    options(SECOND_FACTORS=("tests.factors.Code",), INTROSPECTION_CLIENTS={"billing": "0" * 64})
    credentials = {"username": ada.get_username(), "password": PASSWORD}
    ticket = api.post("login/", credentials).json()["ticket"]
    answers = [api.post("login/verify/", {"ticket": ticket, "code": code})]
    pair = make_pair(ada, methods=("pwd", "otp"))
    factors = {"password": f"{PASSWORD}-wrong", "code": code}
    answers += [api.post("reauthenticate/", factors, access=pair.access) for _ in range(6)]
    basic = base64.b64encode(f"billing:{service}".encode()).decode()
    headers = {"authorization": f"Basic {basic}"}
    answers.append(api.post("introspect/", {"token": pair.access}, headers=headers))
    assert [answer.status_code for answer in answers] == [401] * 6 + [429, 401]
    written = "\n".join(f"{vars(record)}" for record in caplog.records)
    assert written.count("'event': 'refused'") == 1 + len(answers)
    for hidden in (ticket, ticket.rpartition(":")[2], code, PASSWORD, basic, service, pair.access):
        assert hidden not in written
        assert hidden not in f"{list(SessionEvent.objects.values())}"


@passes(
    "ASVS 16.3.1",
    "Successful and failed logins, logouts, and every other revocation of a session.",
)
def test_asvs_16_3_1_login_with_logout_is_logged(api, credentials, log):
    body = api.post("login/", credentials).json()
    api.post("login/", {**credentials, "password": "wrong"})
    api.post("logout/", {"refresh": body["refresh"]})
    assert [(line.levelname, line.event) for line in log()] == [
        ("INFO", "signed_in"),
        ("WARNING", "sign_in_failed"),
        ("INFO", "refused"),
        ("INFO", "revoked"),
    ]


@passes(
    "ASVS 16.3.2",
    "Every answer of 401, 403, 404 or 429, with its code; in the project's views too, if "
    "`EXCEPTION_HANDLER` is set.",
)
def test_asvs_16_3_2_refused_request_is_logged(api, client, pair, bearer, log, clock):
    clock.move(timedelta(minutes=6))
    other = make_pair()
    log()
    api.delete(f"sessions/{other.session.pk}/", access=pair.access)
    api.post("sessions/branch/", {"refresh": pair.refresh}, access=pair.access)
    revoke_session(pair.session, reason="admin")
    client.get("/who-am-i/", headers=bearer(pair))
    lines = [line for line in log() if line.event == "refused"]
    assert [line.code for line in lines] == [
        *("not_found", "reauthentication_required", "session_revoked"),
    ]
    assert [line.user_id for line in lines] == [pair.session.user_id] * 2 + [None]
    assert f"DELETE /auth/sessions/{other.session.pk}/" in lines[0].getMessage()


@passes(
    "ASVS 16.3.3",
    "Attempts to bypass a control: forged and foreign tokens, cross-site requests, throttled "
    "requests; and reuse of a refresh token, as CRITICAL.",
)
def test_asvs_16_3_3_bypass_attempt_is_logged(api, credentials, pair, log, options, clock):
    api.get("sessions/", access=f"{pair.access[:-4]}AAAA")
    for _ in range(6):
        api.post("login/", {**credentials, "password": "wrong"})
    codes = [(line.levelname, line.code) for line in log() if line.event == "refused"]
    assert codes[0] == ("WARNING", "token_not_valid")
    assert codes[-1] == ("WARNING", "throttled")
    options(TRANSPORT="cookie")
    api.post("refresh/", headers={"origin": "https://attacker.example"})
    assert [(line.levelname, line.code) for line in log()] == [("WARNING", "csrf_failed")]
    used = pair
    delivered(refresh_session(used.refresh), clock)
    assert refused(used.refresh) == "session_revoked"
    assert [line.levelname for line in log()] == ["INFO", "CRITICAL"]
    assert kinds(used)[-1] == "reuse_detected"


@passes(
    "ASVS 16.4.1",
    "Text of clients is stored and logged without line breaks and other control characters.",
)
def test_asvs_16_4_1_control_characters_are_removed_from_log(api, credentials, user, log, caplog):
    forged = "x\r\nCRITICAL refresh_sessions.security forged\x1b[2K\u2028forged"
    body = {"username": f"nobody{forged}", "password": forged}
    api.post("login/", {**credentials, "device_name": "Phone\u2028forged"})
    api.post("login/", body, headers={"user-agent": forged, "x-forwarded-for": forged})
    api.get("sessions/%0d%0aCRITICAL%20forged/", access="garbage")
    messages = [line.getMessage() for line in log()]
    assert len(messages) == 4
    assert all(message.isprintable() for message in messages)
    assert "forged" not in "".join(messages[:3])
    assert DeviceSession.objects.get().name == "Phone forged"


@passes(
    "ASVS 16.5.1",
    "An unexpected error is the project's plain 500; it shows no statement, setting or token.",
)
def test_asvs_16_5_1_unexpected_error_shows_no_details(api, pair, settings):
    settings.DEBUG = False
    api.raw.raise_request_exception = False

    def fail(execute, sql, *args):
        raise OperationalError(f"no such column: secret_digest in {sql}")

    with connection.execute_wrapper(fail):
        answer = api.raw.post("/auth/refresh/", {"refresh": pair.refresh}, format="json")
    assert answer.status_code == 500
    shown = answer.content.decode()
    assert not [word for word in ("secret", "SELECT", "Traceback", pair.refresh) if word in shown]
    assert call(pair) == "ok"


@passes(
    "ASVS 16.5.3",
    "Without the database access is refused. Without the cache the database is queried "
    "instead; if it cannot replace the cache, as for the throttle of logins, access is "
    "refused too.",
)
@pytest.mark.parametrize("check", ["session", "cache"])
def test_asvs_16_5_3_database_or_cache_down_grants_no_access(
    api, client, credentials, pair, bearer, options, monkeypatch, check
):
    options(ACCESS_TOKEN_CHECK=check)
    api.raw.raise_request_exception = client.raise_request_exception = False

    def down(*args):
        raise OperationalError("the connection was refused")

    def broken(*args, **kwargs):
        raise ConnectionError

    with connection.execute_wrapper(down):
        assert client.get("/who-am-i/", headers=bearer(pair)).status_code >= 500
        answer = api.raw.post("/auth/refresh/", {"refresh": pair.refresh}, format="json")
        assert answer.status_code >= 500
    for method in ("get", "get_many", "set", "set_many", "add", "incr"):
        monkeypatch.setattr(LocMemCache, method, broken)
    assert client.get("/who-am-i/", headers=bearer(pair)).status_code == 200
    revoke_session(pair.session, reason="admin")
    assert client.get("/who-am-i/", headers=bearer(pair)).status_code == 401
    answer = api.raw.post("/auth/login/", credentials, format="json")
    assert answer.status_code == 503
    assert DeviceSession.objects.active().count() == 0

"""The security log: the content of each line."""

import logging
import re

import pytest
from django.contrib.auth import authenticate

from refresh_sessions.security_log import log_failure
from refresh_sessions.sessions import (
    check_access_token,
    reauthenticate_session,
    refresh_session,
    revoke_session,
    start_session,
)
from tests.domain.client_actions import AFTER_OVERLAP
from tests.factories import make_pair

pytestmark = pytest.mark.django_db

ATTRIBUTES = ("event", "session_id", "user_id", "actor_id", "ip_address", "account")


@pytest.fixture
def lines(caplog):
    """Return the lines of the security log, each with its attributes."""
    caplog.set_level(logging.INFO, logger="refresh_sessions.security")

    def read():
        records = [r for r in caplog.records if r.name == "refresh_sessions.security"]
        caplog.clear()
        return [
            (r.levelname, r.getMessage(), *(getattr(r, n) for n in ATTRIBUTES)) for r in records
        ]

    return read


@pytest.fixture
def request_from(rf):
    return rf.get("/", REMOTE_ADDR="203.0.113.9", headers={"user-agent": "Evil\r\nINFO"})


def test_login_is_logged(lines, user, request_from):
    session = start_session(user, request=request_from, name="My phone").session
    message = f"Login: session {session.pk} of user {user.pk}, from 203.0.113.9"
    about = ("signed_in", str(session.pk), user.pk, None, "203.0.113.9", None)
    assert lines() == [("INFO", message, *about)]


def test_revocation_is_logged(lines, pair, user):
    lines()
    revoke_session(pair.session, reason="lost\nINFO forged", by=user)
    message = (
        f"Revocation: session {pair.session.pk} of user {user.pk}, reason lost INFO forged, "
        f"by {user.pk}"
    )
    assert lines() == [
        ("INFO", message, "revoked", str(pair.session.pk), user.pk, user.pk, None, None)
    ]
    revoke_session(pair.session, reason="again")
    assert lines() == []


def test_automatic_revocation_is_logged(lines, user, options):
    options(MAX_SESSIONS_PER_USER=1)
    make_pair(user)
    make_pair(user)
    ends = [line for line in lines() if line[2] == "revoked"]
    assert [(message[-8:], actor) for _, message, _, _, _, actor, *_ in ends] == [
        (" by None", None)
    ]


def test_recovery_is_logged(lines, pair, clock, request_from):
    refresh_session(pair.refresh)
    clock.move(AFTER_OVERLAP)
    lines()
    refresh_session(pair.refresh, request=request_from)
    ((level, message, event, *_, address, _),) = lines()
    assert (level, event, address) == ("INFO", "recovered", "203.0.113.9")
    assert "203.0.113.9" in message


def test_refresh_is_not_logged(lines, pair):
    lines()
    refresh_session(pair.refresh)
    assert lines() == []


def failed(lines, username, request=None):
    authenticate(request, username=username, password="wrong")
    (line,) = lines()
    return line


def test_failed_login_is_logged(lines, request_from):
    level, message, event, *_, address, account = failed(lines, "ada", request_from)
    assert (level, event, address) == ("WARNING", "sign_in_failed", "203.0.113.9")
    assert message == f"Login failed: account {account}, from 203.0.113.9"


def test_failed_login_logs_stable_account_digest(lines):
    spellings = {failed(lines, name)[-1] for name in ("ada", " Ada ", "ADA")}
    assert len(spellings) == 1
    (account,) = spellings
    assert re.fullmatch("[0-9a-f]{16}", account)
    assert failed(lines, "bob")[-1] != account


@pytest.mark.parametrize(
    "credentials", [{}, {"token": "x"}, {"username": None}, {"username": "\ud800"}]
)
def test_failed_login_with_any_credentials_is_logged(lines, credentials):
    log_failure(credentials=credentials)
    assert len(lines()) == 1


def test_reauthentication_is_logged(lines, pair, user, request_from):
    grant = check_access_token(pair.access)
    lines()
    reauthenticate_session(grant, methods=("pwd", "otp"), request=request_from)
    message = (
        f"Re-authentication: session {pair.session.pk} of user {user.pk}, with pwd otp, "
        "from 203.0.113.9"
    )
    about = ("reauthenticated", str(pair.session.pk), user.pk, None, "203.0.113.9", None)
    assert lines() == [("INFO", message, *about)]

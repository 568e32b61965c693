"""Refusals in the security log."""

import logging

import pytest
from rest_framework.exceptions import NotFound, PermissionDenied, Throttled
from rest_framework.request import Request

from refresh_sessions.exceptions import ExpiredTokenError, InvalidTokenError
from refresh_sessions.rest_framework.exceptions import (
    exception_handler,
    sessions_exception_handler,
)
from tests.domain.client_actions import call

pytestmark = pytest.mark.django_db


@pytest.fixture
def refusals(caplog):
    """Return level, code, address and user of each line."""
    caplog.set_level(logging.INFO, logger="refresh_sessions.security")

    def read():
        records = [r for r in caplog.records if getattr(r, "event", "") == "refused"]
        caplog.clear()
        return [(r.levelname, r.code, r.ip_address, r.user_id) for r in records]

    return read


def test_successful_request_is_not_logged(api, login, refusals):
    tokens = login()
    api.get("sessions/", access=tokens["access"])
    api.post("refresh/", {"refresh": tokens["refresh"]})
    assert refusals() == []


def test_invalid_request_is_not_logged(api, db, refusals):
    api.post("login/", {})
    api.get("login/")
    assert refusals() == []


@pytest.mark.parametrize(
    ("error", "level", "code"),
    [
        (ExpiredTokenError(), "INFO", "token_not_valid"),
        (InvalidTokenError(), "WARNING", "token_not_valid"),
        (NotFound(), "INFO", "not_found"),
        (PermissionDenied(), "WARNING", "permission_denied"),
        (Throttled(wait=5), "WARNING", "throttled"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_refusal_log_level_depends_on_error(rf, refusals, error, level, code):
    sessions_exception_handler(error, {"request": Request(rf.get("/", REMOTE_ADDR="::1"))})
    assert refusals() == [(level, code, "::1", None)]


def test_refusal_log_has_user(api, pair, user, refusals):
    assert call(pair) == "ok"
    api.get("sessions/none/", access=pair.access)
    assert refusals() == [("INFO", "not_found", "127.0.0.1", user.pk)]


def test_refusal_log_verifies_token_once(client, pair, bearer, refusals, monkeypatch):
    tried = []

    def count(*args, **kwargs):
        tried.append(args)
        raise InvalidTokenError

    monkeypatch.setattr("refresh_sessions.rest_framework.authentication.check_access_token", count)
    assert client.get("/who-am-i/", headers=bearer(pair)).status_code == 401
    assert len(tried) == 1
    assert refusals() == [("WARNING", "token_not_valid", "127.0.0.1", None)]


def test_refusal_without_request_is_answered(refusals):
    response = exception_handler(PermissionDenied(), {})
    assert response is not None
    assert response.data["code"] == "permission_denied"
    assert refusals() == []

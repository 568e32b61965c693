"""Helpers for the actions of clients with their tokens."""

from datetime import timedelta

from django.http import HttpRequest
from django.test import RequestFactory

from refresh_sessions.exceptions import RefreshSessionsError
from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.sessions import check_access_token, refresh_session

AFTER_OVERLAP = timedelta(seconds=11)
STORED_BY_THEN = timedelta(minutes=1)


def rotated(pair, clock, times=1):
    """Refresh as a client that uses each of its tokens."""
    for _ in range(times):
        clock.move(AFTER_OVERLAP)
        pair = refresh_session(pair.refresh)
        delivered(pair, clock)
    return pair


def companion_request(pair) -> HttpRequest:
    """Return a request with the companion cookie of this login."""
    request = RequestFactory().post("/")
    request.COOKIES["refresh_companion"] = pair.companion
    return request


def delivered(pair, clock):
    """Use the access token after ``CONFIRM_DELIVERY_AFTER``, which records the delivery."""
    clock.move(STORED_BY_THEN)
    check_access_token(pair.access)


def refused(token, **options) -> str:
    """Present a refresh token that must be refused; return the error code and reason."""
    try:
        refresh_session(token, **options)
    except RefreshSessionsError as error:
        reason = getattr(error, "reason", None)
        return f"{error.code}/{reason}" if reason else error.code
    raise AssertionError("the token was accepted")


def call(pair) -> str:
    """Use an access token; return "ok" or the error code and reason."""
    try:
        check_access_token(pair.access)
    except RefreshSessionsError as error:
        reason = getattr(error, "reason", None)
        return f"{error.code}/{reason}" if reason else error.code
    return "ok"


def family_of(pair) -> TokenFamily:
    return TokenFamily.objects.get(pk=pair.family.pk)


def session_of(pair) -> DeviceSession:
    return DeviceSession.objects.get(pk=pair.session.pk)


def kinds(pair) -> list[str]:
    """Return the kinds of events recorded for the session."""
    return list(session_of(pair).events.order_by("pk").values_list("kind", flat=True))

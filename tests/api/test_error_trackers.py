"""Reports of error trackers show no password and no token, whichever line fails."""

import linecache
import logging
import re
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial

import pytest
from django.conf import settings as django_settings
from django.db import transaction

from refresh_sessions import redaction
from refresh_sessions.exceptions import SecondFactorRequiredError
from refresh_sessions.rest_framework.views.base import SessionsAPIView
from refresh_sessions.sessions import change_password, check_access_token, log_in
from tests.api.client import Client
from tests.api.tracker import failing_at, lines_of, tracking
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "a new battery staple"
FEWEST_LINES = 40
STEP = 2
"""Every second line of a request fails: neighbouring lines have the same variables."""


def failing_lines(call):
    """Return the lines at which the request fails, without those that hide a secret.

    Lines of the view before REST framework has a request are left out: the body belongs to Django
    and the server there.
    """
    code = SessionsAPIView.initialize_request.__code__
    unread = {(code.co_filename, number) for *_, number in code.co_lines()}
    return [
        line
        for line in lines_of(call)
        if line not in unread
        and line[0] != redaction.__file__
        and not HIDING.search(linecache.getline(*line))
    ]


HIDING = re.compile(r"\bhide(_items?|_within)?\b")


@pytest.fixture(autouse=True)
def _project(settings, options):
    settings.REST_FRAMEWORK = {
        **django_settings.REST_FRAMEWORK,
        "DEFAULT_THROTTLE_RATES": {
            "session-login": "9999/min",
            "session-refresh": "9999/min",
            "session-reauthenticate": "9999/min",
        },
    }
    options(MAX_FAMILIES_PER_SESSION=9999, SECOND_FACTORS=("tests.factors.Code",))


@pytest.fixture(autouse=True)
def _no_tracebacks_in_the_log():
    """Let Django log no failed request: a traceback of each costs more than the request."""
    logger = logging.getLogger("django.request")
    logger.disabled = True
    yield
    logger.disabled = False


@pytest.fixture
def person(db):
    return UserFactory(username="person@example.org")


class Flow:
    """A request with its secrets, created anew for each failure."""

    def __init__(self, path, body=None, *, secrets, access=None, method="post", **options):
        self.path, self.body, self.secrets = path, body, list(secrets)
        self.headers = {"authorization": f"Bearer {access}"} if access else {}
        self.method, self.cookies = method, options.pop("cookies", {})
        self.options = options
        self.client = Client(raise_request_exception=False).raw

    def send(self):
        self.client.cookies.load(self.cookies)
        options = {"format": "json", **self.options, "headers": self.headers}
        send = partial(getattr(self.client, self.method), f"/auth/{self.path}", self.body)
        # A failure between two statements may leave a context variable set.
        return copy_context().run(send, **options)


def login(person, ada):
    body = {"username": person.get_username(), "password": PASSWORD}
    return Flow("login/", body, secrets=[PASSWORD])


def login_first_step(person, ada):
    body = {"username": ada.get_username(), "password": PASSWORD}
    return Flow("login/", body, secrets=[PASSWORD])


def login_second_step(person, ada):
    with pytest.raises(SecondFactorRequiredError) as asked:
        log_in(ada)
    ticket = asked.value.ticket
    body = {"ticket": ticket, "code": CODE}
    return Flow("login/verify/", body, secrets=[ticket, CODE])


def refresh(person, ada):
    pair = make_pair(person)
    return Flow("refresh/", {"refresh": pair.refresh}, secrets=tokens(pair))


def logout(person, ada):
    pair = make_pair(person)
    return Flow("logout/", {"refresh": pair.refresh}, secrets=tokens(pair))


def logout_by_access(person, ada):
    pair = make_pair(person)
    return Flow("logout/", access=pair.access, secrets=tokens(pair))


def reauthenticate(person, ada):
    pair = make_pair(person)
    secrets = [PASSWORD, *tokens(pair)]
    return Flow("reauthenticate/", {"password": PASSWORD}, access=pair.access, secrets=secrets)


def open_family(person, ada):
    pair = make_pair(person)
    body = {"refresh": pair.refresh}
    return Flow("sessions/branch/", body, access=pair.access, secrets=tokens(pair))


def revoke_others(person, ada):
    pair = make_pair(person)
    return Flow("sessions/revoke-others/", access=pair.access, secrets=tokens(pair))


def revoke(person, ada):
    pair = make_pair(person)
    return Flow("revoke/", {"token": pair.refresh}, secrets=tokens(pair))


def revoke_by_form(person, ada):
    pair = make_pair(person)
    form = {"content_type": "application/x-www-form-urlencoded", "format": None}
    return Flow("revoke/", f"token={pair.access}", secrets=tokens(pair), **form)


def tokens(pair):
    """The tokens and their signatures."""
    pieces = [pair.access, pair.refresh]
    return [*map(str, pieces), *(piece.rpartition(".")[2] for piece in pieces)]


FLOWS = (
    *(login, login_first_step, login_second_step, refresh, logout, logout_by_access),
    *(reauthenticate, open_family, revoke_others, revoke, revoke_by_form),
)


def assert_hidden(tracker, secrets, line):
    for report in tracker.reports:
        for text in report:
            for secret in secrets:
                place = text.find(secret)
                assert place < 0, (line, text[max(0, place - 300) : place + 20])


@contextmanager
def undone():
    """Undo what a request wrote: each login reads all sessions of its user."""
    with transaction.atomic():
        yield
        # Also after a failure inside a savepoint, which breaks the test's transaction.
        transaction.set_rollback(True)


@pytest.mark.parametrize("make", FLOWS, ids=lambda make: make.__name__)
def test_error_report_of_failure_at_any_line_shows_no_secret(make, person, ada):
    make(person, ada).send()  # The first request imports modules; later ones do not.
    lines = failing_lines(make(person, ada).send)[::STEP]
    assert len(lines) > FEWEST_LINES / STEP
    reported = 0
    for line in lines:
        with undone():
            flow = make(person, ada)
            with tracking() as tracker, failing_at(line):
                flow.send()
        assert_hidden(tracker, flow.secrets, line)
        reported += len(tracker.reports)
    # Some failures are handled: a mail, a receiver, a step after the rotation.
    assert reported > FEWEST_LINES / STEP


@pytest.mark.parametrize("make", [refresh, logout], ids=lambda make: make.__name__)
def test_error_report_with_token_in_cookie_shows_no_secret(make, person, ada, options):
    options(TRANSPORT="cookie", COOKIE_NAME="refresh_token")

    def in_cookie():
        flow = make(person, ada)
        flow.cookies, flow.body = {"refresh_token": flow.body["refresh"]}, None
        return flow

    in_cookie().send()
    for line in failing_lines(in_cookie().send)[::STEP]:
        with undone():
            flow = in_cookie()
            with tracking() as tracker, failing_at(line):
                flow.send()
        assert_hidden(tracker, flow.secrets, line)


def test_error_report_of_password_change_shows_no_secret(rf):
    def change(token):
        change_password(check_access_token(token), NEW_PASSWORD)

    token = make_pair(UserFactory()).access
    lines = failing_lines(partial(change, make_pair(UserFactory()).access))
    assert len(lines) > FEWEST_LINES
    for line in lines:
        with undone(), tracking() as tracker, failing_at(line):
            try:
                copy_context().run(change, token)
            except RuntimeError as error:
                tracker.report(error, rf.get("/"))
        assert_hidden(tracker, [NEW_PASSWORD], line)


class Broken:
    """A middleware of the project that reads the body first and parses the form."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        assert request.body is not None
        assert request.POST is not None
        return self.get_response(request)


@pytest.mark.parametrize("make", [login, refresh, revoke_by_form], ids=lambda make: make.__name__)
def test_error_report_after_body_read_by_middleware_shows_no_secret(
    make, person, ada, settings, monkeypatch
):
    settings.MIDDLEWARE = [f"{__name__}.Broken", *settings.MIDDLEWARE]

    def fail(*args, **kwargs):
        raise RuntimeError("broken on purpose")

    for verb in ("tokens.log_in", "tokens.refresh_session", "oauth.log_out"):
        monkeypatch.setattr(f"refresh_sessions.rest_framework.views.{verb}", fail)
    flow = make(person, ada)
    with tracking() as tracker:
        assert flow.send().status_code == 500
    assert len(tracker.reports) == 1
    assert_hidden(tracker, flow.secrets, None)

"""Answers that are lost, delayed, broken or refused: the tokens are kept, and no loop begins."""

from dataclasses import replace
from email.utils import formatdate
from itertools import pairwise

import httpx
import pytest

from refresh_sessions.client import (
    LoginRequiredError,
    MemoryStorage,
    RetryPolicy,
    TransientError,
    UnexpectedAnswerError,
)
from tests.python_client.model_server import COMPANION, lost, replying, unsent

UNUSABLE = {
    "HTML": (replying(200, b"<html>Hello</html>"), UnexpectedAnswerError, "not_json"),
    "empty": (replying(200), UnexpectedAnswerError, "not_json"),
    "a list": (replying(200, b"[]"), UnexpectedAnswerError, "not_json"),
    "nested deeply": (replying(200, b"[" * 100_000), UnexpectedAnswerError, "not_json"),
    "no access": (replying(200, b'{"refresh": "r.1.9"}'), UnexpectedAnswerError, "access_missing"),
    "empty access": (replying(200, b'{"access": ""}'), UnexpectedAnswerError, "access_missing"),
    "access with a line break": (
        replying(200, b'{"access": "a\\r\\nX-Evil: 1"}'),
        UnexpectedAnswerError,
        "access_missing",
    ),
    "refresh that is no text": (
        replying(200, b'{"access": "a", "refresh": {}}'),
        UnexpectedAnswerError,
        "access_missing",
    ),
    "redirect": (replying(302, location="/login"), UnexpectedAnswerError, "redirect"),
    "redirect without target": (replying(301), UnexpectedAnswerError, "redirect"),
    "404": (replying(404, b"<html>"), UnexpectedAnswerError, "http_404"),
    "foreign 401": (replying(401, b"proxy"), UnexpectedAnswerError, "http_401"),
    "foreign 403": (replying(403, b"{}"), UnexpectedAnswerError, "http_403"),
    "missing field": (
        replying(401, b'{"code": "not_authenticated"}'),
        UnexpectedAnswerError,
        "not_authenticated",
    ),
    "unknown code": (
        replying(401, b'{"code": "invalid_dpop_proof"}'),
        UnexpectedAnswerError,
        "invalid_dpop_proof",
    ),
    "cut off": (replying(200, b'{"access": "a_1_'), TransientError, "cut_off"),
    "500": (replying(500, b"<html>"), TransientError, "http_500"),
    "502": (replying(502), TransientError, "http_502"),
    "503": (replying(503, b'{"code": "database_busy"}'), TransientError, "database_busy"),
    "409": (
        replying(409, b'{"code": "refresh_superseded"}'),
        TransientError,
        "refresh_superseded",
    ),
    "lost": (lost, TransientError, "no_answer"),
    "unsent": (unsent, TransientError, "no_answer"),
}


@pytest.fixture
def storage():
    return MemoryStorage()


@pytest.fixture
def auth(make_auth, storage):
    return make_auth(storage=storage)


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_answer_keeps_the_tokens_and_causes_no_loop(
    server, simulated, web, storage, name
):
    fault, kind, code = UNUSABLE[name]
    web.get("/items/")
    before = storage.load()
    simulated.advance(61)
    server.always = fault
    started = simulated.now
    for _ in range(5):
        with pytest.raises(kind) as raised:
            web.get("/items/")
        assert raised.value.code in {code, "too_early"}
        assert before.refresh not in str(raised.value)
    assert storage.load() == before
    times = server.times["/refresh/"]
    assert min(b - a for a, b in pairwise(times)) >= 1
    assert len(times) <= simulated.now - started + 1
    server.always = None
    assert web.get("/items/").status_code == 200
    assert server.calls["/login/"] == 1
    assert server.reuses == 0


@pytest.mark.parametrize("name", UNUSABLE)
def test_failed_refresh_ahead_of_expiry_fails_no_request(server, simulated, web, storage, name):
    web.get("/items/")
    simulated.advance(50)
    server.always = UNUSABLE[name][0]
    for _ in range(20):
        assert web.get("/items/").status_code == 200
    assert server.calls["/refresh/"] == 1
    assert simulated.slept == []


def test_login_that_is_unusable_is_an_error(server, make_auth, connect):
    for fault, kind, _ in UNUSABLE.values():
        server.always = fault
        with connect(make_auth()) as web, pytest.raises(kind):
            web.get("/items/")


def test_login_without_refresh_token_names_the_cookie_transport(server, auth):
    server.faults["/login/"].append(replying(200, b'{"access": "a_1_1_1_1"}'))
    with pytest.raises(UnexpectedAnswerError, match="urls_body"):
        auth.login()


@pytest.mark.parametrize("times", [1, 2, 3])
def test_lost_answers_are_retried_within_the_request(server, simulated, web, times):
    web.get("/items/")
    simulated.advance(61)
    server.faults["/refresh/"].extend([lost] * times)
    assert web.get("/items/").status_code == 200
    assert server.calls == {"/login/": 1, "/refresh/": times + 1, "/items/": 2}


def test_first_retry_comes_early_enough_to_get_the_successor(server, simulated, web, storage):
    """The server sends it in the first third of the overlap."""
    web.get("/items/")
    simulated.advance(61)
    web.get("/items/")
    simulated.advance(61)
    server.faults["/refresh/"].append(lost)
    web.get("/items/")
    assert storage.load().refresh == "r.1.3"
    assert server.family.generation == 3


def test_answer_without_refresh_token_keeps_the_stored_one(server, simulated, web, storage):
    def access_only(request, answer):
        body = answer().json()
        del body["refresh"]
        return server.reply(200, body)

    web.get("/items/")
    before = storage.load()
    simulated.advance(61)
    server.faults["/refresh/"].append(access_only)
    assert web.get("/items/").status_code == 200
    assert storage.load().refresh == before.refresh
    assert storage.load().access != before.access
    simulated.advance(61)
    assert web.get("/items/").status_code == 200
    assert storage.load().refresh == "r.1.3"
    assert server.calls["/login/"] == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_obeyed_within_the_bound(server, simulated, web, status, form):
    web.get("/items/")
    simulated.advance(61)

    def busy(request, answer):
        date = formatdate(simulated.now, usegmt=True)
        until = formatdate(simulated.now + 7, usegmt=True)
        headers = {"Date": date, "Retry-After": "7" if form == "seconds" else until}
        return httpx.Response(status, headers=headers)

    simulated.error = 86_400
    server.faults["/refresh/"].append(busy)
    assert web.get("/items/").status_code == 200
    first, second = server.times["/refresh/"]
    assert 6 <= second - first <= 9


def test_retry_after_beyond_the_bound_is_an_error_until_it_has_passed(
    server, simulated, web, storage
):
    web.get("/items/")
    simulated.advance(61)
    before = storage.load()
    server.faults["/refresh/"].append(replying(429, retry_after="3600"))
    started = simulated.now
    for _ in range(10):
        with pytest.raises(TransientError) as raised:
            web.get("/items/")
        assert raised.value.action == "retry"
        assert 3500 < raised.value.retry_after <= 3600
    assert simulated.now - started < 1
    assert server.calls["/refresh/"] == 1
    assert storage.load() == before
    simulated.advance(3600)
    assert web.get("/items/").status_code == 200


@pytest.mark.parametrize("value", ["-5", "soon", "1e9", "99999999999999", "nan", ""])
def test_invalid_retry_after_is_ignored(server, simulated, web, value):
    web.get("/items/")
    simulated.advance(61)
    server.faults["/refresh/"].append(replying(503, retry_after=value))
    assert web.get("/items/").status_code == 200
    assert sum(simulated.slept) < 3


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "token_not_valid"),
        (401, "session_revoked"),
        (401, "session_expired"),
        (403, "session_expired"),
    ],
)
def test_final_refusal_deletes_the_tokens(server, simulated, make_auth, connect, status, code):
    storage = MemoryStorage()
    auth = make_auth(storage=storage, username=None)
    auth.login("ada@example.org", "correct horse")
    simulated.advance(61)
    refusal = replying(status, f'{{"code": "{code}"}}'.encode())
    server.faults["/refresh/"].append(refusal)
    with connect(auth) as web, pytest.raises(LoginRequiredError) as raised:
        web.get("/items/")
    assert (raised.value.code, raised.value.status) == (code, status)
    assert storage.load() is None


def test_refused_companion_cookie_keeps_the_tokens_and_is_sent_again(
    server, simulated, web, storage
):
    web.get("/items/")
    simulated.advance(61)
    refusal = replying(401, b'{"code": "device_proof_required"}')
    server.faults["/refresh/"].extend([refusal] * 2)
    assert web.get("/items/").status_code == 200
    assert (server.calls["/login/"], server.calls["/refresh/"]) == (1, 3)
    simulated.advance(61)
    before = storage.load()
    server.faults["/refresh/"].extend([refusal] * 4)
    with pytest.raises(TransientError) as raised:
        web.get("/items/")
    assert (raised.value.code, raised.value.status) == ("device_proof_required", 401)
    assert storage.load() == before


def test_missing_companion_cookie_requires_a_login(server, simulated, make_auth, storage):
    auth = make_auth(storage=storage, username=None)
    auth.login("ada@example.org", "correct horse")
    storage.save(replace(storage.load(), companion=""))
    server.faults["/refresh/"].append(replying(401, b'{"code": "device_proof_required"}'))
    with pytest.raises(LoginRequiredError, match="lacks the companion cookie"):
        auth.refresh()
    assert storage.load() is None


def test_superseded_token_is_read_from_the_storage_again(server, simulated, web, storage):
    """Another process, without the lock, has saved newer tokens."""
    web.get("/items/")
    simulated.advance(61)
    old = storage.load()

    def superseded(request, answer):
        newer = answer().json()
        storage.save(old.renewed(**read(newer)))
        return replying(409, b'{"code": "refresh_superseded"}')(request, answer)

    server.faults["/refresh/"].append(superseded)
    assert web.get("/items/").status_code == 200
    assert server.calls["/refresh/"] == 1
    assert storage.load().refresh == "r.1.2"


def read(body):
    values = {"refresh": body.get("refresh"), "companion": None, "expires_in": 60.0}
    return {"access": body["access"], **values}


class TestDiscardedAnswers:
    """Another process logs in or out while the answer to a refresh is on its way."""

    @pytest.fixture
    def aged(self, web, simulated):
        web.get("/items/")
        simulated.advance(61)

    def test_answer_after_a_login_elsewhere_is_discarded(
        self, server, web, storage, make_auth, aged
    ):
        other = MemoryStorage()

        def log_in_meanwhile(request, answer):
            received = answer()
            login = server._log_in({"username": "ada@example.org", "password": "correct horse"})
            other.save(storage.load().renewed(**read(login.json())))
            storage.save(other.load())
            return received

        server.faults["/refresh/"].append(log_in_meanwhile)
        assert web.get("/items/").status_code == 200
        assert storage.load() == other.load()
        assert server.session == 2

    def test_answer_after_a_logout_elsewhere_is_discarded(
        self, server, simulated, make_auth, connect
    ):
        storage = MemoryStorage()
        auth = make_auth(storage=storage, username=None)
        auth.login("ada@example.org", "correct horse")
        simulated.advance(61)

        def log_out_meanwhile(request, answer):
            received = answer()
            storage.clear()
            return received

        server.faults["/refresh/"].append(log_out_meanwhile)
        with connect(auth) as web, pytest.raises(LoginRequiredError) as raised:
            web.get("/items/")
        assert raised.value.code == "logged_out"
        assert storage.load() is None

    def test_refusal_after_a_login_elsewhere_deletes_nothing(self, server, web, storage, aged):
        new = storage.load().renewed(**read({"access": "a_1_1_9999999999_7", "refresh": "r.1.77"}))

        def log_in_meanwhile(request, answer):
            storage.save(new)
            return replying(401, b'{"code": "session_revoked"}')(request, answer)

        server.faults["/refresh/"].append(log_in_meanwhile)
        server.faults["/login/"].append(unsent)
        web.get("/items/")
        assert storage.load() == new


def test_policy_bounds_attempts_and_pauses(server, simulated, make_auth):
    auth = make_auth(retry=RetryPolicy(attempts=2, min_interval=3.0))
    server.always = unsent
    with pytest.raises(TransientError):
        auth.login()
    assert server.calls == {"/login/": 2}
    assert len(simulated.slept) == 1
    assert simulated.slept[0] >= 2.9


def test_refusals_end_the_retries_of_logout(server, auth, storage):
    auth.login()
    server.faults["/logout/"].append(replying(400, b"{}"))
    with pytest.raises(UnexpectedAnswerError):
        auth.logout()
    assert storage.load()
    server.faults["/logout/"].append(replying(401, b'{"code": "session_revoked"}'))
    auth.logout()
    assert storage.load() is None
    auth.logout()
    assert server.calls["/logout/"] == 2


def test_valid_access_token_is_used_while_another_process_refreshes(
    server, simulated, auth, storage
):
    token = auth.access_token()
    simulated.advance(50)
    with storage.lock(0):
        assert auth.access_token() == token
    assert auth.access_token() != token


@pytest.mark.parametrize(
    ("header", "stored"),
    [
        (f"{COMPANION}; Path=/", COMPANION),
        ("refresh_companion=new; Path=/; HttpOnly", "refresh_companion=new"),
        ("refresh_companion=; Max-Age=0", ""),
        ("refresh_companion=gone; Max-Age=0", ""),
        ("other=1", COMPANION),
        ("broken cookie; [", COMPANION),
    ],
)
def test_companion_cookie_of_an_answer_replaces_the_stored_one(
    server, auth, storage, header, stored
):
    def setting(request, answer):
        response = answer()
        response.headers["Set-Cookie"] = header
        return response

    auth.login()
    server.faults["/refresh/"].append(setting)
    auth.refresh()
    assert storage.load().companion == stored


def test_body_that_arrives_too_slowly_is_given_up(simulated, make_auth):
    class Slow(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                simulated.advance(1)
                yield b" "

    def answer(request):
        return httpx.Response(200, stream=Slow())

    transport = httpx.MockTransport(answer)
    auth = make_auth(open_client=lambda: httpx.Client(transport=transport))
    with pytest.raises(TransientError, match="ReadTimeout"):
        auth.login()


def test_body_without_end_is_given_up(server, auth):
    server.faults["/login/"].extend([replying(200, b"{" + b" " * 2_000_000)] * 4)
    with pytest.raises(TransientError, match="no answer"):
        auth.login()

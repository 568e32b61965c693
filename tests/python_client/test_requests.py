"""Requests of a project: which token they carry, and what follows a refusal."""

from itertools import pairwise

import httpx
import pytest

from refresh_sessions.client import (
    FileStorage,
    LoginRequiredError,
    MemoryStorage,
    ReauthenticationRequiredError,
    SessionAuth,
    UnexpectedAnswerError,
)
from tests.python_client.model_server import BASE_URL, CREDENTIALS, ORIGIN, replying

BEARER = 'Bearer error="invalid_token"'


def authorizations(server, host):
    found = [one for one in server.seen if one.url.host == host and "/auth/" not in one.url.path]
    return [one.headers.get("authorization") for one in found]


def test_first_request_logs_in_once(server, web):
    assert web.get("/items/").status_code == 200
    assert web.get("/items/").status_code == 200
    assert server.calls == {"/login/": 1, "/items/": 2}


def test_credentials_of_a_callback_are_asked_for_at_login_only(server, make_auth, connect):
    asked = []

    def credentials():
        asked.append(1)
        return CREDENTIALS

    auth = make_auth(credentials=credentials)
    assert not asked
    with connect(auth) as web:
        for _ in range(3):
            web.get("/items/")
    assert asked == [1]


def test_access_token_is_refreshed_before_it_expires(server, simulated, web):
    web.get("/items/")
    for _ in range(20):
        simulated.advance(20)
        assert web.get("/items/").status_code == 200
    refused = [one for one in server.seen if one.url.path == "/items/"]
    assert len(refused) == 21
    assert server.calls["/refresh/"] == 6
    assert server.reuses == 0


@pytest.mark.parametrize("error", [-30 * 365 * 86_400, 30 * 365 * 86_400])
def test_clock_that_is_years_off_changes_nothing(server, simulated, web, error):
    simulated.error = error
    web.get("/items/")
    for _ in range(20):
        simulated.advance(20)
        assert web.get("/items/").status_code == 200
    assert server.calls["/items/"] == 21
    assert server.calls["/refresh/"] == 6


@pytest.mark.parametrize("error", [-30 * 365 * 86_400, 30 * 365 * 86_400])
def test_clock_that_is_set_between_requests_costs_one_refresh(server, simulated, web, error):
    web.get("/items/")
    simulated.error = error
    for _ in range(10):
        simulated.advance(1)
        assert web.get("/items/").status_code == 200
    assert server.calls["/refresh/"] <= 1
    for _ in range(10):
        simulated.advance(30)
        assert web.get("/items/").status_code == 200
    assert server.calls["/login/"] == 1


def test_answer_without_date_is_refreshed_after_the_refusal(server, simulated, web):
    def without_date(request, answer):
        response = answer()
        del response.headers["date"]
        return response

    server.always = without_date
    web.get("/items/")
    for _ in range(4):
        simulated.advance(61)
        assert web.get("/items/").status_code == 200
    assert server.calls["/refresh/"] == 4
    assert server.calls["/items/"] == 9


@pytest.mark.parametrize(
    "refusal",
    [
        replying(401, b'{"code": "token_not_valid", "reason": "token_superseded"}'),
        replying(401, b'{"code": "token_not_valid"}'),
        replying(401, b"<html>", www_authenticate=BEARER),
    ],
)
def test_refused_access_token_is_refreshed_and_the_request_repeated(server, web, refusal):
    web.get("/items/")
    server.faults["/items/"].append(refusal)
    response = web.post("/items/", content=b"a body")
    assert response.json() == {"echo": "a body"}
    assert server.calls == {"/login/": 1, "/refresh/": 1, "/items/": 3}


def test_access_token_that_is_refused_again_is_returned_to_the_caller(server, web):
    refusal = replying(401, b'{"code": "token_not_valid"}')
    server.faults["/items/"].extend([refusal] * 2)
    assert web.get("/items/").status_code == 401
    assert server.calls == {"/login/": 1, "/refresh/": 1, "/items/": 2}


def test_view_that_refuses_each_token_causes_one_refresh_per_second(server, simulated, web):
    server.faults["/items/"].extend([replying(401, b'{"code": "token_not_valid"}')] * 40)
    started = simulated.now
    for _ in range(20):
        assert web.get("/items/").status_code == 401
    times = server.times["/refresh/"]
    assert len(times) == 20
    assert min(b - a for a, b in pairwise(times)) >= 1
    assert simulated.now - started >= 19


def test_processes_with_one_file_share_the_rate_of_refreshes(
    server, simulated, make_auth, connect, tmp_path
):
    auths = [make_auth(storage=FileStorage(tmp_path / "tokens.json")) for _ in range(3)]
    server.faults["/items/"].extend([replying(401, b'{"code": "token_not_valid"}')] * 99)
    for auth in auths * 5:
        with connect(auth) as web:
            assert web.get("/items/").status_code == 401
    times = server.times["/refresh/"]
    assert 5 <= len(times) <= 15
    assert min(b - a for a, b in pairwise(times)) >= 0.98


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"code": "other"}', b'{"code": 5}', b"["])
def test_other_401_is_returned_unchanged(server, web, body):
    server.faults["/items/"].append(replying(401, body))
    response = web.get("/items/")
    assert (response.status_code, response.content) == (401, body)
    assert server.calls == {"/login/": 1, "/items/": 1}


def test_revoked_session_is_replaced_if_there_are_credentials(server, web):
    web.get("/items/")
    server.revoke()
    assert web.get("/items/").status_code == 200
    assert server.calls == {"/login/": 2, "/items/": 3}


def test_revoked_session_without_credentials_requires_a_login(server, make_auth, connect):
    auth = make_auth(username=None)
    auth.login(**CREDENTIALS)
    server.revoke()
    with connect(auth) as web, pytest.raises(LoginRequiredError) as raised:
        web.get("/items/")
    assert (raised.value.code, raised.value.action) == ("session_revoked", "login")
    with connect(auth) as web, pytest.raises(LoginRequiredError, match="call login"):
        web.get("/items/")
    assert server.calls == {"/login/": 1, "/items/": 1}


def test_missing_tokens_and_credentials_require_a_login(server, make_auth, connect):
    with connect(make_auth(username=None)) as web, pytest.raises(LoginRequiredError) as raised:
        web.get("/items/")
    assert raised.value.code == "not_logged_in"
    assert not server.seen


def test_refused_credentials_are_sent_once(server, make_auth, connect):
    auth = make_auth(username="ada@example.org", password="wrong")
    with connect(auth) as web:
        for _ in range(5):
            with pytest.raises(LoginRequiredError) as raised:
                web.get("/items/")
            assert raised.value.code == "no_active_account"
        assert server.calls == {"/login/": 1}
        auth.login(**CREDENTIALS)
        assert web.get("/items/").status_code == 200


def test_explicit_refresh_without_tokens_logs_in_once(server, auth):
    auth.refresh()
    assert server.calls == {"/login/": 1}
    auth.refresh()
    assert server.calls == {"/login/": 1, "/refresh/": 1}


class TestReauthentication:
    @pytest.fixture
    def aged(self, simulated):
        """Log in, and wait until the authentication is too old."""

        def age(auth):
            auth.login(**CREDENTIALS)
            simulated.advance(400)

        return age

    def test_callback_supplies_the_password_and_the_request_is_repeated(
        self, server, make_auth, connect, aged
    ):
        asked = []

        def ask():
            asked.append(1)
            return {"password": CREDENTIALS["password"]}

        auth = make_auth(reauthentication=ask)
        aged(auth)
        with connect(auth) as web:
            for _ in range(3):
                assert web.post("/sensitive/", json={}).status_code == 200
        assert asked == [1]
        assert server.calls["/reauthenticate/"] == 1

    def test_without_callback_the_error_names_the_action(self, server, make_auth, connect, aged):
        auth = make_auth()
        aged(auth)
        with connect(auth) as web:
            with pytest.raises(ReauthenticationRequiredError) as raised:
                web.get("/sensitive/")
            assert raised.value.action == "reauthenticate"
            auth.reauthenticate(password=CREDENTIALS["password"])
            assert web.get("/sensitive/").status_code == 200

    def test_wrong_password_is_an_error_and_keeps_the_tokens(
        self, server, make_auth, connect, aged
    ):
        storage = MemoryStorage()
        auth = make_auth(storage=storage, reauthentication=lambda: {"password": "wrong"})
        aged(auth)
        before = storage.load()
        with connect(auth) as web, pytest.raises(ReauthenticationRequiredError) as raised:
            web.get("/sensitive/")
        assert raised.value.code == "reauthentication_failed"
        assert storage.load().refresh.split(".")[1] == before.refresh.split(".")[1]
        assert server.calls["/reauthenticate/"] == 1

    def test_view_that_always_refuses_returns_its_answer(self, server, make_auth, connect, aged):
        refusal = replying(401, b'{"code": "reauthentication_required"}')
        server.faults["/sensitive/"].extend([refusal] * 9)
        auth = make_auth(reauthentication=lambda: {"password": CREDENTIALS["password"]})
        aged(auth)
        with connect(auth) as web:
            assert web.get("/sensitive/").status_code == 401
        assert server.calls["/reauthenticate/"] == 1


class TestOrigins:
    @pytest.mark.parametrize(
        "url",
        [
            "https://api.example.org.evil.example/items/",
            "https://evil.example/items/",
            "http://api.example.org/items/",
            "https://api.example.org:8443/items/",
            "https://api.example.org@evil.example/items/",
        ],
    )
    def test_other_origin_gets_no_token(self, server, web, url):
        server.faults["/items/"].append(replying(200))
        web.get(url)
        assert server.seen[-1].headers.get("authorization", "Basic").startswith("Basic")
        assert server.calls == {"/items/": 1}

    @pytest.mark.parametrize("url", [f"{ORIGIN}:443/items/", "https://API.EXAMPLE.ORG/items/"])
    def test_other_spelling_of_the_origin_gets_the_token(self, server, web, url):
        assert web.get(url).status_code == 200

    def test_further_origin_gets_the_token(self, server, make_auth, connect):
        with connect(make_auth(origins=["https://files.example.org"])) as web:
            assert web.get("https://files.example.org/items/").status_code == 200

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_target_of_a_redirect_gets_no_token(self, server, auth, connect, status):
        redirect = replying(status, location="https://evil.example/stolen/")
        server.faults["/items/"].append(redirect)
        server.faults["/stolen/"].append(replying(401, b'{"code": "token_not_valid"}'))
        with connect(auth, follow_redirects=True) as web:
            response = web.post("/items/", json={})
        assert response.status_code == 401
        assert authorizations(server, "evil.example") == [None]
        assert server.calls["/refresh/"] == 0

    @pytest.mark.parametrize("path", ["/login/", "/refresh/", "/logout/"])
    def test_redirect_of_an_endpoint_is_not_followed(self, server, auth, connect, path):
        server.faults[path].append(replying(307, location="https://evil.example/stolen/?t=1"))
        call = {"/login/": auth.access_token, "/refresh/": auth.refresh, "/logout/": auth.logout}
        if path != "/login/":
            auth.login()
        with pytest.raises(
            UnexpectedAnswerError, match=r"redirect to https://evil\.example/stolen/\. "
        ):
            call[path]()
        assert {one.url.host for one in server.seen} == {"api.example.org"}


class TestBody:
    def test_body_that_cannot_be_repeated_gives_the_refusal_and_a_refresh(self, server, web):
        web.get("/items/")
        server.faults["/items/"].append(replying(401, b'{"code": "token_not_valid"}'))
        chunks = (chunk for chunk in [b"one", b"two"])
        assert web.post("/items/", content=chunks).status_code == 401
        assert server.calls == {"/login/": 1, "/refresh/": 1, "/items/": 2}

    def test_stream_of_an_answer_stays_unread(self, web):
        with web.stream("POST", "/items/", json={}) as response:
            assert not response.is_stream_consumed
            response.read()
        assert response.status_code == 200


class TestBaseURL:
    @pytest.mark.parametrize("url", [BASE_URL, BASE_URL.rstrip("/"), f"{BASE_URL}/"])
    def test_slash_at_the_end_is_optional(self, server, make_auth, connect, url):
        with connect(make_auth(url)) as web:
            assert web.get("/items/").status_code == 200

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "/auth/",
            "api.example.org/auth/",
            "ftp://api.example.org/auth/",
            "https:///auth/",
            "https://ada:secret@api.example.org/auth/",
            f"{BASE_URL}?next=1",
            f"{BASE_URL}#top",
            "https://api.example.org:port/",
        ],
    )
    def test_unusable_url_is_refused_at_once(self, url):
        with pytest.raises(ValueError, match="base_url"):
            SessionAuth(url)

    @pytest.mark.parametrize(
        "options",
        [
            {"username": "ada"},
            {"password": "x"},
            {"username": "ada", "password": "x", "credentials": dict},
        ],
    )
    def test_incomplete_credentials_are_refused_at_once(self, options):
        with pytest.raises(ValueError, match="both username and password"):
            SessionAuth(BASE_URL, **options)


def test_renamed_fields_of_the_server_are_sent_and_read(server, make_auth, connect, simulated):
    server.names = {
        "access": "accessToken",
        "refresh": "refreshToken",
        "access_expires_at": "accessExpiresAt",
        "username": "userName",
    }
    auth = make_auth(field_names=server.names)
    with connect(auth) as web:
        for _ in range(5):
            assert web.get("/items/").status_code == 200
            simulated.advance(50)
    assert server.calls == {"/login/": 1, "/refresh/": 4, "/items/": 5}


def test_multipart_upload_is_sent(web):
    response = web.post("/items/", files={"file": ("name", b"content")})
    assert isinstance(response, httpx.Response)
    assert response.status_code == 200

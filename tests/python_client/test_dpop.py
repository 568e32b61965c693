"""Sessions bound to a key: which requests carry a DPoP proof, and what follows its refusal."""

import asyncio
import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from refresh_sessions.client import (
    FileStorage,
    LoginRequiredError,
    MemoryStorage,
    StorageError,
    TransientError,
    UnexpectedAnswerError,
)
from tests.python_client.model_server import CREDENTIALS, ORIGIN, lost, replying, unsent
from tests.python_client.model_transport import ModelTransport

pytest.importorskip("cryptography")

from tests.python_client.dpop_server import DPoPServer

YEARS = 30 * 365 * 86_400

REFUSED = replying(401, b'{"code": "invalid_dpop_proof"}')


@pytest.fixture
def storage():
    return MemoryStorage()


@pytest.fixture
def key(tmp_path):
    return tmp_path / "key.pem"


@pytest.fixture
def auth(make_auth, storage, key):
    return make_auth(storage=storage, dpop=key)


@pytest.fixture
def server(simulated):
    return DPoPServer(simulated)


@pytest.fixture(params=["refresh tokens", "access tokens"])
def both(request, server):
    """Bound refresh tokens alone, and bound access tokens as well."""
    server.access_tokens = request.param == "access tokens"


@pytest.fixture
def bound_access(server):
    server.access_tokens = True


@pytest.mark.usefixtures("both")
class TestSession:
    def test_all_calls_have_an_accepted_proof(self, server, simulated, auth, storage, web):
        assert web.get("/items/?page=1#top").status_code == 200
        assert storage.load().key == server.key
        for _ in range(5):
            simulated.advance(70)
            assert web.post("/items/", json={}).status_code == 200
        auth.reauthenticate(password=CREDENTIALS["password"])
        assert auth.sessions()
        auth.logout()
        assert server.calls["/login/"] == server.calls["/logout/"] == 1
        assert server.calls["/refresh/"] == 5
        assert (server.misuses, server.refusals) == (0, {})

    def test_async_calls_have_an_accepted_proof(self, server, simulated, auth):
        async def main():
            transport = ModelTransport(server)
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, auth=auth) as web:
                for _ in range(4):
                    answers = await asyncio.gather(*(web.get("/items/") for _ in range(10)))
                    assert {answer.status_code for answer in answers} == {200}
                    simulated.advance(61)
                await auth.areauthenticate(password=CREDENTIALS["password"])
                await auth.asessions()
                await auth.alogout()

        asyncio.run(main())
        assert server.session == 1
        assert (server.misuses, server.refusals) == (0, {})

    def test_nonce_is_sent_after_one_repeat_and_with_each_later_request(
        self, server, simulated, auth, web
    ):
        server.nonces = True
        for _ in range(5):
            assert web.get("/items/").status_code == 200
            simulated.advance(50)
        assert server.refusals == {"nonce": 1}
        simulated.advance(600)
        assert web.get("/items/").status_code == 200
        assert server.refusals == {"nonce": 2}
        assert server.session == 1

    @pytest.mark.parametrize("error", [-YEARS, -120, 120, YEARS])
    def test_wrong_clock_is_corrected_by_the_date_of_the_refusal(
        self, server, simulated, make_auth, storage, key, connect, web, error
    ):
        simulated.error = error
        for _ in range(5):
            assert web.get("/items/").status_code == 200
            simulated.advance(50)
        assert server.refusals == {"iat": 1}
        # A new process knows nothing of the server's clock.
        with connect(make_auth(storage=storage, dpop=key)) as other:
            assert other.get("/items/").status_code == 200
        assert server.refusals == {"iat": 2}
        assert server.session == 1

    def test_clock_that_is_set_between_requests_is_corrected(self, server, simulated, auth, web):
        web.get("/items/")
        for error in (300, -YEARS, 0):
            simulated.error = error
            assert web.get("/items/").status_code == 200
            auth.refresh()
            assert web.get("/items/").status_code == 200
        assert server.session == 1
        assert server.refusals["iat"] <= 3

    def test_wrong_clock_and_nonce_together_cost_one_repeat_each(self, server, simulated, web):
        simulated.error, server.nonces = YEARS, True
        assert web.get("/items/").status_code == 200
        assert server.refusals == {"iat": 1, "nonce": 1}

    @pytest.mark.parametrize("seed", range(3))
    def test_lost_answers_log_out_no_one(self, server, simulated, make_auth, key, tmp_path, seed):
        """A repeat has a proof of its own: the model refuses a second use of one."""
        draw = random.Random(seed)  # noqa: S311
        server.lifetime, server.nonces, path = 900.0, True, tmp_path / "tokens.json"

        def sometimes(request, answer):
            if draw.random() >= 0.3 or request.url.path == "/auth/login/":
                return answer()
            return draw.choice([lost, unsent])(request, answer)

        make_auth(storage=FileStorage(path), dpop=key).login()
        server.always = sometimes
        for _ in range(100):
            simulated.advance(draw.choice([1, 30, 300, 900, 3000]))
            auth = make_auth(storage=FileStorage(path), dpop=key)
            try:
                with httpx.Client(transport=ModelTransport(server), auth=auth) as web:
                    assert web.get(f"{ORIGIN}/items/").status_code == 200
            except TransientError:
                pass
        assert (server.session, server.reuses, server.misuses) == (1, 0, 0)
        assert set(server.refusals) == {"nonce"}

    def test_objects_with_one_token_file_and_one_key_file_log_in_once(
        self, server, simulated, make_auth, key, tmp_path
    ):
        auths = [
            make_auth(storage=FileStorage(tmp_path / "tokens.json"), dpop=key) for _ in range(6)
        ]
        with ThreadPoolExecutor(6) as pool:
            for _ in range(4):
                assert len(set(pool.map(lambda auth: auth.access_token(), auths))) == 1
                simulated.advance(61)
        assert server.calls == {"/login/": 1, "/refresh/": 3}
        assert (server.misuses, server.refusals) == (0, {})


class TestAccessToken:
    pytestmark = pytest.mark.usefixtures("bound_access")

    def test_request_has_the_scheme_and_a_proof_of_its_own(self, server, web):
        for _ in range(3):
            web.get("/items/")
        sent = [one for one in server.seen if one.url.path == "/items/"]
        assert all(one.headers["authorization"].startswith("DPoP ") for one in sent)
        assert len({one.headers["dpop"] for one in sent}) == 3

    def test_other_origin_gets_no_proof(self, server, web):
        server.faults["/items/"].append(replying(200))
        web.get("https://evil.example/items/")
        assert not {"dpop", "authorization"} & server.seen[-1].headers.keys()

    def test_further_origin_has_a_nonce_and_a_clock_of_its_own(
        self, server, make_auth, key, connect
    ):
        server.nonces = True
        auth = make_auth(dpop=key, origins=["https://files.example.org"])
        with connect(auth) as web:
            assert web.get("/items/").status_code == 200
            assert web.get("https://files.example.org/items/").status_code == 200
        assert server.refusals == {"nonce": 2}

    def test_redirect_is_followed_with_a_proof_for_its_target(self, server, auth, connect):
        server.faults["/items"].extend([replying(301, location="/items/")] * 2)
        with connect(auth, follow_redirects=True) as web:
            response = web.get("/items")
        assert (response.status_code, response.url.path) == (200, "/items/")
        assert server.refusals == {"htu": 1}

    @pytest.mark.parametrize(
        "refusal",
        [
            REFUSED,
            replying(401, b"", www_authenticate='DPoP error="invalid_dpop_proof", algs="ES256"'),
            replying(401, b"{}", www_authenticate='DPoP error="use_dpop_nonce"'),
        ],
    )
    def test_refused_proof_is_replaced_once_and_costs_no_refresh(self, server, web, refusal):
        web.get("/items/")
        server.faults["/items/"].append(refusal)
        assert web.post("/items/", content=b"a body").json() == {"echo": "a body"}
        assert (server.calls["/refresh/"], server.calls["/items/"]) == (0, 3)

    def test_proof_that_is_refused_again_is_returned_to_the_caller(self, server, web):
        web.get("/items/")
        server.faults["/items/"].extend([REFUSED] * 9)
        assert web.get("/items/").status_code == 401
        assert server.calls == {"/login/": 1, "/items/": 3}

    def test_body_that_cannot_be_repeated_gives_the_refusal_and_the_next_has_the_nonce(
        self, server, web
    ):
        web.get("/items/")
        server.nonces = True
        assert web.post("/items/", content=iter([b"one"])).status_code == 401
        assert web.post("/items/", content=iter([b"one"])).status_code == 200

    def test_repeat_with_a_bearer_token_has_no_proof(self, server, storage, web):
        web.get("/items/")

        def refuse(request, answer):
            # Another process has logged in without a key.
            storage.save(replace(storage.load(), access="other", scheme="Bearer", key=""))
            return replying(401, b'{"code": "token_not_valid"}')(request, answer)

        server.faults["/items/"].append(refuse)
        web.get("/items/")
        headers = next(one for one in server.seen[::-1] if one.url.path == "/items/").headers
        assert headers["authorization"] == "Bearer other"
        assert "dpop" not in headers

    def test_answer_of_a_cache_does_not_change_the_clock(self, server, web):
        web.get("/items/")
        old = replying(200, date="Mon, 01 Jan 2001 00:00:00 GMT")
        server.faults["/items/"].extend([old] * 3)
        for _ in range(4):
            web.get("/items/")
        assert not server.refusals

    @pytest.mark.parametrize("nonce", ["", "a b", '"', "x" * 1025])
    def test_invalid_nonce_is_ignored(self, server, web, nonce):
        web.get("/items/")
        server.faults["/items/"].append(replying(200, dpop_nonce=nonce))
        web.get("/items/")
        assert web.get("/items/").status_code == 200
        assert not server.refusals


class TestRefusal:
    def test_repeated_refusal_of_the_proof_keeps_the_tokens(
        self, server, simulated, auth, storage
    ):
        auth.login()
        before = storage.load()
        server.faults["/refresh/"].extend([REFUSED] * 2)
        with pytest.raises(UnexpectedAnswerError, match="public address") as raised:
            auth.refresh()
        assert (raised.value.action, raised.value.code) == ("fix", "invalid_dpop_proof")
        assert storage.load() == before
        assert server.calls["/refresh/"] == 2
        auth.refresh()

    def test_nonce_that_is_refused_again_keeps_the_tokens(self, server, auth, storage):
        auth.login()
        fault = replying(401, b'{"code": "use_dpop_nonce"}', dpop_nonce="other")
        server.faults["/refresh/"].extend([fault] * 9)
        with pytest.raises(UnexpectedAnswerError, match="nonce"):
            auth.refresh()
        assert server.calls["/refresh/"] == 2
        assert storage.load()

    @pytest.mark.parametrize("path", ["/login/", "/refresh/", "/logout/", "/reauthenticate/"])
    def test_each_endpoint_repeats_once_with_a_new_proof(self, server, auth, path):
        calls = {
            "/login/": auth.login,
            "/refresh/": auth.refresh,
            "/logout/": auth.logout,
            "/reauthenticate/": lambda: auth.reauthenticate(password=CREDENTIALS["password"]),
        }
        auth.login()
        server.faults[path].append(REFUSED)
        calls[path]()
        sent = [one.headers["dpop"] for one in server.seen if one.url.path == f"/auth{path}"][-2:]
        assert sent[0] != sent[1]

    def test_server_without_the_feature_gives_an_unbound_session(
        self, server, simulated, auth, storage, web
    ):
        server.enabled = False
        for _ in range(3):
            assert web.get("/items/").status_code == 200
            simulated.advance(61)
        assert not storage.load().key
        assert not auth.is_bound()
        server.enabled = True
        auth.login()
        assert auth.is_bound()

    def test_session_with_another_binding_is_not_taken_for_one_of_the_key(
        self, server, auth, storage
    ):
        def bind(request, answer):
            body = {**answer().json(), "session": {"bound": "dbsc"}}
            return replying(200, json.dumps(body).encode())(request, answer)

        server.faults["/login/"].append(bind)
        auth.login()
        assert storage.load().key == ""

    def test_session_that_began_without_a_key_is_used_without_one(
        self, server, simulated, make_auth, storage, auth, web
    ):
        make_auth(storage=storage).login()
        for _ in range(3):
            simulated.advance(61)
            assert web.get("/items/").status_code == 200
        assert server.calls["/login/"] == 1


class TestBindingRequired:
    def test_unbound_session_is_replaced_by_a_bound_one_and_logged_out(
        self, server, make_auth, storage, web
    ):
        make_auth(storage=storage).login()
        assert web.get("/bound/").status_code == 200
        assert web.get("/bound/").status_code == 200
        assert (server.calls["/login/"], server.calls["/logout/"]) == (2, 1)

    def test_without_credentials_a_login_is_required_and_the_tokens_are_kept(
        self, server, make_auth, storage, key, connect
    ):
        make_auth(storage=storage).login()
        with (
            connect(make_auth(storage=storage, username=None, dpop=key)) as web,
            pytest.raises(LoginRequiredError) as raised,
        ):
            web.get("/bound/")
        assert (raised.value.action, raised.value.code) == ("login", "binding_required")
        assert storage.load()

    def test_refresh_of_an_unbound_session_is_replaced_by_a_login(
        self, server, make_auth, storage, auth
    ):
        make_auth(storage=storage).login()
        server.faults["/refresh/"].append(replying(403, b'{"code": "binding_required"}'))
        auth.refresh()
        assert (server.session, auth.is_bound()) == (2, True)

    def test_reauthentication_of_an_unbound_session_requires_a_login(
        self, server, make_auth, storage, auth
    ):
        make_auth(storage=storage).login()
        server.faults["/reauthenticate/"].append(replying(403, b'{"code": "binding_required"}'))
        with pytest.raises(LoginRequiredError) as raised:
            auth.reauthenticate(password=CREDENTIALS["password"])
        assert raised.value.code == "binding_required"
        assert storage.load()

    def test_client_without_a_key_gets_the_answer_of_the_view(self, make_auth, connect):
        with connect(make_auth()) as web:
            assert web.get("/bound/").status_code == 403

    @pytest.mark.parametrize("dpop", [False, True])
    def test_refused_login_says_what_to_correct(self, server, make_auth, key, dpop):
        server.always = replying(403, b'{"code": "binding_required"}')
        with pytest.raises(UnexpectedAnswerError, match="argument dpop") as raised:
            make_auth(dpop=key if dpop else None).login()
        assert (raised.value.action, raised.value.code) == ("fix", "binding_required")

    def test_other_403_is_returned(self, server, make_auth, storage, web):
        make_auth(storage=storage).login()
        server.faults["/items/"].append(replying(403, b"<html>"))
        assert web.get("/items/").content == b"<html>"
        assert server.calls["/login/"] == 1

    def test_403_of_a_bound_session_stays_unread(self, server, web):
        server.faults["/items/"].append(replying(403, b'{"code": "binding_required"}'))
        with web.stream("GET", "/items/") as response:
            assert not response.is_stream_consumed
        assert response.status_code == 403
        assert server.calls["/login/"] == 1


@pytest.mark.usefixtures("both")
class TestLostKey:
    """A request with another key would alarm the owner as a theft does."""

    @pytest.fixture
    def login(self, auth, simulated, key):
        auth.login()
        key.unlink()

    @pytest.fixture
    def silent(self, make_auth, storage, key):
        """Another process, without credentials."""
        return make_auth(storage=storage, username=None, dpop=key)

    @pytest.mark.parametrize("age", [0, 61])
    def test_new_key_logs_in_by_the_credentials(
        self, server, simulated, make_auth, storage, key, connect, login, age
    ):
        simulated.advance(age)
        with connect(make_auth(storage=storage, dpop=key)) as web:
            assert web.get("/items/").status_code == 200
        assert server.calls["/login/"] == 2
        assert (server.misuses, server.refusals) == (0, {})

    @pytest.mark.parametrize("call", ["access_token", "refresh", "sessions"])
    def test_without_credentials_a_login_is_required(self, server, storage, login, silent, call):
        with pytest.raises(LoginRequiredError) as raised:
            getattr(silent, call)()
        assert (raised.value.action, raised.value.code) == ("login", "key_lost")
        assert storage.load() is None
        assert (server.misuses, server.refusals) == (0, {})

    def test_logout_deletes_the_tokens_and_uses_the_access_token_if_it_can(
        self, server, storage, login, silent
    ):
        silent.logout()
        assert storage.load() is None
        assert server.calls["/logout/"] == (server.scheme == "Bearer")
        assert (server.misuses, server.refusals) == (0, {})

    def test_process_with_the_old_key_in_memory_reads_the_new_one(
        self, server, simulated, make_auth, storage, key, auth, login
    ):
        make_auth(storage=storage, dpop=key).login()
        simulated.advance(61)
        auth.refresh()
        assert server.calls["/login/"] == 2
        assert (server.misuses, server.refusals) == (0, {})

    def test_explicit_login_uses_the_key_that_is_in_the_file_now(
        self, make_auth, storage, key, auth, login
    ):
        other = MemoryStorage()
        make_auth(storage=other, dpop=key).login()
        auth.login()
        assert storage.load().key == other.load().key

    def test_client_without_the_argument_sends_nothing(self, server, make_auth, storage, login):
        sent = len(server.seen)
        other = make_auth(storage=storage)
        for call in (other.access_token, other.refresh, other.logout):
            with pytest.raises(StorageError, match="Give the argument dpop") as raised:
                call()
            assert (raised.value.action, raised.value.code) == ("fix", "key_missing")
        assert len(server.seen) == sent
        other.login()
        assert other.access_token()

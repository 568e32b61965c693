"""The client against the endpoints themselves, over HTTP and in one process."""

import asyncio
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.utils import timezone

from refresh_sessions.client import (
    FileStorage,
    LoginRequiredError,
    MemoryStorage,
    ReauthenticationRequiredError,
    RetryPolicy,
    SessionAuth,
    TransientError,
    UnexpectedAnswerError,
)
from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from tests.factories import PASSWORD
from tests.factors import CODE
from tests.interpreters import CHECKOUT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def storage(tmp_path):
    return FileStorage(tmp_path / "tokens.json")


@pytest.fixture
def make_auth(live_server, user, storage):
    """Return a function that creates a client for the test's user."""

    def make(**options):
        defaults = {
            "username": user.get_username(),
            "password": PASSWORD,
            "storage": storage,
            "retry": RetryPolicy(min_interval=0.01),
        }
        given = {**defaults, **options}
        if given["username"] is None:
            del given["username"], given["password"]
        return SessionAuth(f"{live_server.url}/auth", **given)

    return make


@pytest.fixture
def auth(make_auth):
    return make_auth()


@pytest.fixture
def web(live_server, auth):
    with httpx.Client(base_url=live_server.url, auth=auth) as client:
        yield client


@pytest.fixture
def unthrottled(monkeypatch):
    rates = dict.fromkeys(("session-login", "session-refresh"))
    monkeypatch.setattr("rest_framework.settings.api_settings.DEFAULT_THROTTLE_RATES", rates)


def who(web):
    response = web.get("/who-am-i/")
    assert response.status_code == 200
    return response.json()["session"]


def test_requests_refreshes_and_logout_use_one_session(web, auth, user, storage):
    session = who(web)
    for _ in range(3):
        auth.refresh()
        assert who(web) == session
    assert DeviceSession.objects.for_user(user).count() == 1
    auth.logout()
    assert DeviceSession.objects.get().revoked_reason == "logout"
    assert storage.load() is None
    assert who(web) != session


def test_companion_cookie_is_stored_and_sent(auth, make_auth, options):
    options(COMPANION_COOKIE="require")
    auth.login()
    auth.refresh()
    family = TokenFamily.objects.get()
    assert family.companion_generation == family.generation == 2
    make_auth(username=None).refresh()
    assert SessionEvent.objects.filter(kind="reuse_detected").count() == 0


def test_lost_companion_cookie_requires_a_login(make_auth, auth, storage, options):
    options(COMPANION_COOKIE="require")
    auth.login()
    auth.refresh()
    storage.save(replace(storage.load(), companion=""))
    with pytest.raises(LoginRequiredError) as raised:
        make_auth(username=None).refresh()
    assert raised.value.code == "device_proof_required"


def test_async_requests_use_one_session(live_server, auth, user):
    async def main():
        async with httpx.AsyncClient(base_url=live_server.url, auth=auth) as web:
            answers = await asyncio.gather(*(web.get("/who-am-i/") for _ in range(10)))
            await auth.arefresh()
            answers.append(await web.get("/who-am-i/"))
            sessions = await auth.asessions()
            await auth.arename_session(sessions[0]["id"], "Reports")
            await auth.areauthenticate(password=PASSWORD)
            assert await auth.arevoke_other_sessions() == 0
            await auth.arevoke_session(sessions[0]["id"])
        return {answer.json()["session"] for answer in answers}, sessions

    used, sessions = asyncio.run(main())
    assert used == {sessions[0]["id"]}
    assert DeviceSession.objects.get().name == "Reports"
    assert DeviceSession.objects.get().revoked_at


def test_wsgi_application_serves_as_transport(user):
    transport = httpx.WSGITransport(app=WSGIHandler())
    auth = SessionAuth(
        "http://testserver/auth/",
        username=user.get_username(),
        password=PASSWORD,
        open_client=lambda: httpx.Client(transport=transport),
    )
    with httpx.Client(transport=transport, base_url="http://testserver", auth=auth) as web:
        session = who(web)
        auth.refresh()
        assert who(web) == session


def test_own_sessions_are_listed_renamed_and_revoked(auth, make_auth):
    other = make_auth(storage=MemoryStorage())
    other.login()
    auth.login(device_name="Reports")
    first = auth.sessions()[0]
    assert first["name"] == "Reports"
    assert first["is_current"]
    assert auth.rename_session(first["id"], "Laptop")["name"] == "Laptop"
    assert auth.revoke_other_sessions() == 1
    with pytest.raises(LoginRequiredError):
        make_auth(storage=other._source.storage, username=None).sessions()
    assert auth.revoke_all_sessions() == 1
    assert DeviceSession.objects.filter(revoked_at=None).count() == 0


def test_session_revoked_by_staff_is_replaced_or_reported(web, auth, make_auth, live_server):
    session = who(web)
    DeviceSession.objects.update(revoked_at=timezone.now(), revoked_reason="admin")
    assert who(web) != session
    DeviceSession.objects.update(revoked_at=timezone.now(), revoked_reason="admin")
    silent = make_auth(username=None)
    other = httpx.Client(base_url=live_server.url, auth=silent)
    with other, pytest.raises(LoginRequiredError) as raised:
        who(other)
    assert raised.value.code == "session_revoked"


def test_sensitive_call_asks_for_the_password(make_auth):
    auth = make_auth(reauthentication=lambda: {"password": PASSWORD})
    make_auth(storage=MemoryStorage()).login()
    auth.login()
    TokenFamily.objects.update(authenticated_at=timezone.now() - timedelta(hours=1))
    assert auth.revoke_other_sessions() == 1


def test_sensitive_call_without_callback_names_the_call(auth):
    auth.login()
    TokenFamily.objects.update(authenticated_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(ReauthenticationRequiredError, match="reauthenticate"):
        auth.revoke_other_sessions()
    with pytest.raises(ReauthenticationRequiredError) as raised:
        auth.reauthenticate(password="wrong")
    assert raised.value.code == "reauthentication_failed"
    auth.reauthenticate(password=PASSWORD)
    assert auth.revoke_other_sessions() == 0


def test_second_factor_is_asked_for_by_its_name(make_auth, user, options, with_second_factor):
    options(SECOND_FACTORS=("tests.factors.Code",))
    with_second_factor(user)
    asked = []

    def second_factor(methods):
        asked.append(methods)
        return {"code": CODE}

    with pytest.raises(LoginRequiredError, match="second_factor"):
        make_auth().access_token()
    assert make_auth(second_factor=second_factor).access_token()
    assert asked == [["code"]]
    with pytest.raises(LoginRequiredError) as raised:
        make_auth(second_factor=lambda methods: {"code": "wrong"}).login()
    assert raised.value.code == "second_factor_failed"


def test_renamed_fields_are_sent_and_read(make_auth, options):
    names = {
        "access": "accessToken",
        "refresh": "refreshToken",
        "access_expires_at": "accessExpiresAt",
        "username": "userName",
        "password": "passWord",
    }
    options(FIELD_NAMES=names)
    auth = make_auth(field_names=names)
    auth.login()
    auth.refresh()
    assert auth._source.storage.load().expires_in > 800
    with pytest.raises(UnexpectedAnswerError, match="field_names"):
        make_auth(storage=MemoryStorage()).login()
    with pytest.raises(UnexpectedAnswerError, match="field_names"):
        make_auth().refresh()
    auth.refresh()


def test_cookie_transport_is_an_error_that_names_the_other_urls(auth, options):
    options(TRANSPORT="cookie")
    with pytest.raises(UnexpectedAnswerError, match="urls_body"):
        auth.login()


def test_wrong_password_and_throttle_are_told_apart(make_auth):
    auth = make_auth(password="wrong", retry=RetryPolicy(max_wait=0.1, min_interval=0.01))
    for _ in range(5):
        with pytest.raises(LoginRequiredError) as raised:
            auth.login()
        assert raised.value.code == "no_active_account"
    with pytest.raises(TransientError) as throttled:
        auth.login()
    assert throttled.value.code == "throttled"
    assert throttled.value.retry_after > 1


def test_threads_that_refresh_at_once_rotate_once(live_server, auth, storage):
    auth.login()
    TokenFamily.objects.update(rotated_at=None)
    token = storage.load().access
    with ThreadPoolExecutor(8) as pool:
        renewals = list(pool.map(lambda _: auth._source.obtain(token), range(8)))
    assert len({renewal.tokens.access for renewal in renewals}) == 1
    assert TokenFamily.objects.get().generation == 2


@pytest.mark.usefixtures("unthrottled")
@pytest.mark.parametrize("bound", [False, True])
def test_killed_processes_and_lost_answers_log_out_no_one(
    live_server, make_auth, tmp_path, options, bound
):
    if bound:
        pytest.importorskip("cryptography")
    key = tmp_path / "key.pem" if bound else None
    options(
        DPOP_ACCESS_TOKENS=bound,
        DPOP_NONCE=bound,
        # A busy machine takes less than this from a refresh to the repeated request.
        ACCESS_TOKEN_LIFETIME=timedelta(seconds=5),
        LEEWAY=timedelta(0),
        # A request of a killed process may wait in the server for less than this.
        ROTATION_OVERLAP=timedelta(seconds=4),
        CONFIRM_DELIVERY_AFTER=timedelta(seconds=0.2),
    )
    make_auth(dpop=key).login()
    log = tmp_path / "log"
    done = subprocess.run(  # noqa: S603  (our own command)
        [
            *(sys.executable, "-m", "tests.python_client.workers"),
            *(live_server.url, str(tmp_path / "tokens.json"), str(log), "30", "0.2", "1"),
            *([str(key)] if key else []),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    outcomes = Counter(log.read_text().split())
    assert set(outcomes) == {"200"}, outcomes
    assert DeviceSession.objects.get().revoked_at is None
    family = TokenFamily.objects.get()
    assert family.generation > 1
    assert family.binding == ("dpop" if bound else "")
    assert set(SessionEvent.objects.values_list("kind", flat=True)) == {"signed_in"}


class TestDPoP:
    """Sessions bound to a key file, at the endpoints themselves."""

    @pytest.fixture(autouse=True)
    def crypto(self):
        pytest.importorskip("cryptography")

    @pytest.fixture
    def key(self, tmp_path):
        return tmp_path / "key.pem"

    @pytest.mark.parametrize("nonce", [False, True])
    @pytest.mark.parametrize("access_tokens", [False, True])
    def test_session_is_bound_and_used_by_all_calls(
        self, live_server, make_auth, key, options, access_tokens, nonce
    ):
        options(DPOP_ACCESS_TOKENS=access_tokens, DPOP_NONCE=nonce)
        auth = make_auth(dpop=key)
        with httpx.Client(base_url=live_server.url, auth=auth) as web:
            session = who(web)
            assert auth.is_bound()
            auth.refresh()
            auth.reauthenticate(password=PASSWORD)
            make_auth(dpop=key, username=None).refresh()
            assert who(web) == session
        assert auth.sessions()[0]["bound"] == "dpop"
        assert TokenFamily.objects.get().binding == "dpop"
        auth.logout()
        assert DeviceSession.objects.get().revoked_reason == "logout"
        assert set(SessionEvent.objects.values_list("kind", flat=True)) == {
            *("signed_in", "reauthenticated", "signed_out")
        }

    def test_copied_token_file_is_of_no_use_and_the_owner_is_not_disturbed(
        self, make_auth, key, storage, tmp_path, options
    ):
        options(DPOP_ACCESS_TOKENS=True)
        auth = make_auth(dpop=key)
        auth.login()
        copy = MemoryStorage()
        copy.save(replace(storage.load(), key="", scheme="Bearer"))
        for other in (
            make_auth(storage=copy, username=None),
            make_auth(storage=copy, username=None, dpop=tmp_path / "other.pem"),
        ):
            with pytest.raises(UnexpectedAnswerError) as raised:
                other.refresh()
            assert raised.value.code == "invalid_dpop_proof"
        auth.refresh()
        assert SessionEvent.objects.filter(kind="bound_token_misused").count() == 1

    def test_lost_key_alarms_no_one(self, make_auth, key):
        make_auth(dpop=key).login()
        key.unlink()
        with pytest.raises(LoginRequiredError) as raised:
            make_auth(dpop=key, username=None).refresh()
        assert raised.value.code == "key_lost"
        assert set(SessionEvent.objects.values_list("kind", flat=True)) == {"signed_in"}

    def test_server_that_requires_a_key_is_told_apart_by_the_login(self, make_auth, key, options):
        options(DPOP="require")
        with pytest.raises(UnexpectedAnswerError, match="argument dpop"):
            make_auth().login()
        make_auth(dpop=key).login()

    def test_server_without_the_feature_binds_nothing(self, make_auth, key, options):
        options(DPOP="off")
        auth = make_auth(dpop=key)
        auth.login()
        auth.refresh()
        assert not auth.is_bound()

    def test_unbound_session_is_replaced_once_the_server_requires_a_key(
        self, make_auth, key, options
    ):
        make_auth().login()
        options(DPOP="require")
        auth = make_auth(dpop=key)
        auth.refresh()
        assert auth.is_bound()

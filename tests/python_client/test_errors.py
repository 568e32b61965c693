"""Errors and the repr of all objects: they say what to do, and contain no secret."""

import inspect
import json
import logging
import pickle
import traceback

import pytest

import refresh_sessions.client
from refresh_sessions.client import (
    MemoryStorage,
    SessionAuth,
    SessionAuthError,
    StorageError,
    TransientError,
)
from tests.interpreters import run_afresh
from tests.python_client.model_server import BASE_URL, CREDENTIALS, replying
from tests.python_client.test_failures import UNUSABLE

ERRORS = [
    value
    for value in vars(refresh_sessions.client).values()
    if inspect.isclass(value) and issubclass(value, SessionAuthError)
]


def locals_of(error):
    """The repr of the local variables of the client, as error trackers record them."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [one for one in frames if "/refresh_sessions/client/" in one.f_code.co_filename]
    assert ours
    return "".join(repr(value) for frame in ours for value in frame.f_locals.values())


@pytest.mark.parametrize("kind", ERRORS)
def test_error_survives_pickling_with_all_values(kind):
    error = kind("Do this.", code="some_code", status=401, retry_after=2.5)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert type(again) is kind
    assert (str(again), vars(again)) == ("Do this.", vars(error))
    assert again.action in {"login", "reauthenticate", "retry", "fix"}


def test_each_action_has_an_error():
    assert {kind.action for kind in ERRORS} == {"login", "reauthenticate", "retry", "fix"}


class TestSecrets:
    @pytest.fixture
    def storage(self):
        return MemoryStorage()

    @pytest.fixture
    def auth(self, make_auth, storage):
        auth = make_auth(storage=storage)
        auth.login()
        return auth

    @pytest.fixture
    def secrets(self, auth, storage):
        tokens = storage.load()
        parts = [tokens.access, tokens.refresh, tokens.companion, CREDENTIALS["password"]]
        return [part[:] for part in parts]

    def test_reprs_contain_none(self, auth, storage, secrets):
        shown = repr([auth, storage, storage.load(), auth._source.endpoints, vars(auth._source)])
        shown += str(auth) + str(storage.load()) + repr(vars(auth))
        assert BASE_URL in shown
        assert not [secret for secret in secrets if secret in shown]

    @pytest.mark.parametrize("name", UNUSABLE)
    def test_errors_and_the_locals_of_their_frames_contain_none(self, server, auth, secrets, name):
        """Error trackers record the repr of local variables."""
        server.always = UNUSABLE[name][0]
        with pytest.raises(SessionAuthError) as raised:
            auth.refresh()
        shown = "".join(traceback.format_exception(raised.value)) + locals_of(raised.value)
        assert not [secret for secret in secrets if secret in shown]

    @pytest.mark.parametrize(
        "body",
        [
            {"access": "a_secret_1_1_1", "refresh": ["r_secret_2"]},
            {"access": ["a_secret_1"], "refresh": "r_secret_2"},
            {"access": "a_secret_1_1_1"},
        ],
    )
    def test_frames_of_a_refused_login_answer_contain_none(self, server, make_auth, body):
        server.always = replying(200, json.dumps(body).encode())
        with pytest.raises(SessionAuthError) as raised:
            make_auth().login()
        assert "secret" not in locals_of(raised.value)

    def test_answer_that_repeats_the_token_is_not_quoted(self, server, auth, secrets):
        echo = f'{{"code": "{secrets[1]}", "detail": "{secrets[1]}"}}'.encode()
        server.always = replying(400, echo, location=f"https://x/?t={secrets[1]}")
        with pytest.raises(SessionAuthError) as raised:
            auth.refresh()
        assert secrets[1] not in str(raised.value) + raised.value.code

    def test_log_of_all_levels_contains_none(self, auth, secrets, caplog):
        with caplog.at_level(logging.DEBUG):
            auth.refresh()
            auth.logout()
        assert not [secret for secret in secrets if secret in caplog.text]


def test_message_of_a_storage_error_names_file_and_remedy():
    error = StorageError("x", code="y")
    assert (error.action, error.status, error.retry_after) == ("fix", None, None)
    assert TransientError("x", code="y").action == "retry"


def test_client_is_imported_and_used_without_django():
    run_afresh(
        "import sys\n"
        "from refresh_sessions.client import FileStorage, SessionAuth\n"
        f"SessionAuth({BASE_URL!r}, storage=FileStorage('/nowhere/t.json'))\n"
        "found = [name for name in sys.modules if name.split('.')[0] in"
        " {'django', 'rest_framework', 'jwt'}]\n"
        "assert not found, found\n"
        "ours = {name for name in sys.modules if name.startswith('refresh_sessions.')}\n"
        "other = {name for name in ours if not name.startswith('refresh_sessions.client')}\n"
        "assert other == {'refresh_sessions.redaction'}, other"
    )


def test_repr_of_the_authentication_names_server_and_storage():
    auth = SessionAuth(BASE_URL, username="ada", password="secret")
    assert repr(auth) == f"SessionAuth('{BASE_URL}', storage=MemoryStorage())"

"""The example project with its ordinary settings, over HTTP."""

import json

import pytest

from example_project.demo import server
from example_project.demo.http import Request, Wire
from tests.example.running import environment, manage

USERNAME, PASSWORD = "somebody", "correct horse battery staple"
UNKNOWN_SESSION = "/auth/sessions/00000000-0000-4000-8000-000000000000/"


@pytest.fixture(scope="module")
def wire(tmp_path_factory):
    """The way to a server of the example project, with one person in its database."""
    env = environment(
        tmp_path_factory.mktemp("example") / "example.sqlite3",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        DJANGO_SETTINGS_MODULE="example_project.settings",
    )
    account = ("--noinput", "--username", USERNAME, "--email", "somebody@example.org")
    for command in (("migrate", "-v0"), ("createsuperuser", *account)):
        done = manage(*command, env=env)
        assert done.returncode == 0, done.stderr
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with server.running("example_project.settings") as running:
            yield Wire(server.HOST, running.port)


@pytest.fixture(scope="module")
def signed_in(wire):
    data = {"username": USERNAME, "password": PASSWORD}
    answer = wire.exchange(Request(method="POST", path="/auth/login/", data=data))
    assert answer.status == 200, answer.text
    return answer.json


def test_me_says_who_calls_and_from_which_session(wire, signed_in):
    answer = wire.exchange(Request(method="GET", path="/api/me/", access=signed_in["access"]))

    assert answer.status == 200
    assert answer.json == {"id": 1, "username": USERNAME, "session": signed_in["session"]["id"]}


def test_me_asks_a_stranger_to_sign_in(wire):
    answer = wire.exchange(Request(method="GET", path="/api/me/"))

    assert answer.status == 401
    assert set(answer.json) == {"detail", "code"}
    assert answer.json["code"] == "not_authenticated"
    assert answer.header("WWW-Authenticate") == 'Bearer realm="api"'


def test_refresh_replaces_the_tokens(wire, signed_in):
    data = {"refresh": signed_in["refresh"]}
    answer = wire.exchange(Request(method="POST", path="/auth/refresh/", data=data))

    assert answer.status == 200
    assert answer.json["refresh"] != signed_in["refresh"]


def test_admin_is_there_with_its_styles(wire):
    page = wire.exchange(Request(method="GET", path="/admin/login/"))
    styles = wire.exchange(Request(method="GET", path="/static/admin/css/base.css"))

    assert (page.status, styles.status) == (200, 200)
    assert "Device sessions" not in page.text


def test_answers_are_json_even_to_a_browser(wire):
    answer = wire.exchange(Request(method="GET", path=UNKNOWN_SESSION))

    assert json.loads(answer.text)["code"] == "not_authenticated"

"""The example project with its ordinary settings, over HTTP."""

import errno
import os
from pathlib import Path

import pytest

from example_project.demo import server
from example_project.demo.http import HTTPClient, Request
from tests.example.running import environment, manage, python

USERNAME, PASSWORD = "admin", "correct horse battery staple"


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    """An environment with a database that has one person in it, by the name of the demo's."""
    variables = environment(
        tmp_path_factory.mktemp("example") / "example.sqlite3",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        DJANGO_SETTINGS_MODULE="example_project.settings",
    )
    account = ("--noinput", "--username", USERNAME, "--email", "somebody@example.org")
    for command in (("migrate", "-v0"), ("createsuperuser", *account)):
        done = manage(*command, env=variables)
        assert done.returncode == 0, done.stderr
    return variables


@pytest.fixture(scope="module")
def wire(env):
    """The way to a server of the example project."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with server.running("example_project.settings") as running:
            yield HTTPClient(server.HOST, running.port)


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


def test_transfer_says_what_it_did_to_those_who_have_just_signed_in(wire, signed_in):
    order = {"to": "Grace", "amount": "12.5"}
    request = Request(method="POST", path="/api/transfer/", data=order, access=signed_in["access"])
    answer = wire.exchange(request)

    assert answer.status == 200
    assert answer.json == {"transferred": {"to": "Grace", "amount": "12.50"}}


def test_transfer_is_for_nobody_else(wire):
    answer = wire.exchange(Request(method="POST", path="/api/transfer/", data={}))

    assert answer.status == 401
    assert answer.json["code"] == "not_authenticated"


def test_transfer_looks_at_what_it_is_given(wire, signed_in):
    for order in ({}, {"to": "Grace", "amount": "-1"}, {"to": "", "amount": "1"}):
        request = Request(
            method="POST", path="/api/transfer/", data=order, access=signed_in["access"]
        )
        assert wire.exchange(request).status == 400


def test_refresh_replaces_the_tokens(wire, signed_in):
    data = {"refresh": signed_in["refresh"]}
    answer = wire.exchange(Request(method="POST", path="/auth/refresh/", data=data))

    assert answer.status == 200
    assert answer.json["refresh"] != signed_in["refresh"]


def test_admin_is_there_with_its_styles(wire):
    page = wire.exchange(Request(method="GET", path="/admin/login/"))
    styles = wire.exchange(Request(method="GET", path="/static/admin/css/base.css"))

    assert (page.status, styles.status) == (200, 200)


def test_a_taken_port_is_said_in_one_line(wire):
    env = environment(Path("unused"), DJANGO_SETTINGS_MODULE="example_project.settings")
    done = python("-m", "example_project.demo.server", str(wire.port), env=env)

    assert done.returncode == 1
    assert done.stderr.strip() == f"127.0.0.1:{wire.port}: {os.strerror(errno.EADDRINUSE)}"


def test_demo_leaves_real_accounts_of_its_names_alone(env):
    done = manage("demo", env=env)

    assert done.returncode == 1
    assert f"The user '{USERNAME}' exists" in done.stderr
    count = "from django.contrib.auth.models import User; print(User.objects.count())"
    assert manage("shell", "-v0", "-c", count, env=env).stdout.strip() == "1"

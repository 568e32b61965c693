"""The example project with its default settings, over HTTP."""

import errno
import os
from pathlib import Path

import pytest

from example_project.demo import server
from example_project.demo.http import HTTPClient, Request
from tests.example.commands import environment, manage, python

USERNAME, PASSWORD = "admin", "correct horse battery staple"


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    """An environment with a database that has one user, with a name of the demo."""
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
def connection(env):
    """HTTP connection to a server of the example project."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with server.running("example_project.settings") as running:
            yield HTTPClient(server.HOST, running.port)


@pytest.fixture(scope="module")
def signed_in(connection):
    data = {"username": USERNAME, "password": PASSWORD}
    answer = connection.exchange(Request(method="POST", path="/auth/login/", data=data))
    assert answer.status == 200, answer.text
    return answer.json


def test_me_returns_user_with_session(connection, signed_in):
    answer = connection.exchange(
        Request(method="GET", path="/api/me/", access=signed_in["access"])
    )

    assert answer.status == 200
    assert answer.json == {"id": 1, "username": USERNAME, "session": signed_in["session"]["id"]}


def test_me_without_token_requires_authentication(connection):
    answer = connection.exchange(Request(method="GET", path="/api/me/"))

    assert answer.status == 401
    assert set(answer.json) == {"detail", "code"}
    assert answer.json["code"] == "not_authenticated"
    assert answer.header("WWW-Authenticate") == 'Bearer realm="api"'


def test_transfer_after_recent_login_returns_transfer(connection, signed_in):
    order = {"to": "Grace", "amount": "12.5"}
    request = Request(method="POST", path="/api/transfer/", data=order, access=signed_in["access"])
    answer = connection.exchange(request)

    assert answer.status == 200
    assert answer.json == {"transferred": {"to": "Grace", "amount": "12.50"}}


def test_transfer_without_token_requires_authentication(connection):
    answer = connection.exchange(Request(method="POST", path="/api/transfer/", data={}))

    assert answer.status == 401
    assert answer.json["code"] == "not_authenticated"


def test_transfer_invalid_order_is_bad_request(connection, signed_in):
    for order in ({}, {"to": "Grace", "amount": "-1"}, {"to": "", "amount": "1"}):
        request = Request(
            method="POST", path="/api/transfer/", data=order, access=signed_in["access"]
        )
        assert connection.exchange(request).status == 400


def test_refresh_returns_new_token(connection, signed_in):
    data = {"refresh": signed_in["refresh"]}
    answer = connection.exchange(Request(method="POST", path="/auth/refresh/", data=data))

    assert answer.status == 200
    assert answer.json["refresh"] != signed_in["refresh"]


def test_admin_login_page_has_styles(connection):
    page = connection.exchange(Request(method="GET", path="/admin/login/"))
    styles = connection.exchange(Request(method="GET", path="/static/admin/css/base.css"))

    assert (page.status, styles.status) == (200, 200)


def test_server_port_in_use_prints_one_line(connection):
    env = environment(Path("unused"), DJANGO_SETTINGS_MODULE="example_project.settings")
    done = python("-m", "example_project.demo.server", str(connection.port), env=env)

    assert done.returncode == 1
    assert done.stderr.strip() == f"127.0.0.1:{connection.port}: {os.strerror(errno.EADDRINUSE)}"


def test_demo_existing_user_with_its_name_is_kept(env):
    done = manage("demo", env=env)

    assert done.returncode == 1
    assert f"The user '{USERNAME}' exists" in done.stderr
    count = "from django.contrib.auth.models import User; print(User.objects.count())"
    assert manage("shell", "-v0", "-c", count, env=env).stdout.strip() == "1"

"""The demo, as a new user runs it."""

import json
import re
import signal
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta
from http.client import HTTPConnection
from threading import Timer

import pytest

from example_project.demo.management.commands.demo import PASSWORD, STAFF, USERNAME
from tests.example.commands import CHECKOUT, LONGEST_RUN, environment, manage

HEADLINES = [
    "1. Log in",
    "2. Call the API",
    "3. The access token expires",
    "4. Refresh",
    "5. Five tabs refresh at once",
    "6. The response gets lost",
    "7. A sensitive action",
    "8. A stolen token is reused",
    "9. Staff revoke another session",
    "10. The hard deadline passes",
]

# Strict rotation: used tokens are invalid at once, so four of five tabs are refused.
STRICT_OPTIONS = '{"ROTATION_OVERLAP": 0, "LOST_RESPONSE_RECOVERY": false}'


@pytest.fixture
def database(tmp_path):
    return tmp_path / "demo.sqlite3"


def headlines(output):
    return re.findall(r"^\d+\. .*$", output, re.MULTILINE)


def test_demo_all_steps_succeed(database):
    demo = manage("demo", env=environment(database))

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert headlines(demo.stdout) == HEADLINES
    assert "✗" not in demo.stdout
    assert '403 {"detail": "This session has expired. Please sign in again."' in demo.stdout
    assert demo.stdout.splitlines()[-1].startswith("✓ 10 steps")
    assert_no_secret(demo.stdout + demo.stderr)


def test_demo_unmet_expectation_fails_with_its_name(database):
    demo = manage("demo", env=environment(database, EXAMPLE_REFRESH_SESSIONS=STRICT_OPTIONS))

    assert demo.returncode == 1
    assert headlines(demo.stdout) == HEADLINES[:5]
    assert "✗ an access token for every tab" in demo.stdout
    assert "Step 5, Five tabs refresh at once: an access token for every tab" in demo.stderr
    assert re.search(r"expected +\[\(200, True\), .*\n +got +\[.*\(401, False\)", demo.stderr)
    assert "Traceback" not in demo.stderr
    assert_no_secret(demo.stdout + demo.stderr)


def test_demo_with_serve_runs_server_until_interrupted(database):
    with running_demo("demo", "--serve", "--port", "0", env=environment(database)) as demo:
        shown = read_until(demo, "Call ")
        address = re.search(r"http://([\d.]+):(\d+)/admin/", shown[shown.index("Serving") :])
        assert address, shown
        host, port = address.groups()
        answer = log_in(host, int(port))
        demo.send_signal(signal.SIGINT)
        demo.communicate()

    assert host == "127.0.0.1"
    assert headlines(shown) == HEADLINES
    assert f"({STAFF}, {PASSWORD})" in shown
    assert lifetime(answer) > timedelta(minutes=14)
    assert demo.returncode == 0


def test_demo_killed_leaves_no_server(database):
    with running_demo("demo", env=environment(database)) as demo:
        shown = read_until(demo, "1. Log in")
        demo.kill()
        # Standard error is closed once no process writes to it.
        demo.communicate()

    address = re.search(r"http://([\d.]+):(\d+)", shown)
    assert address, shown
    connection = HTTPConnection(address[1], int(address[2]))
    with closing(connection), pytest.raises(ConnectionRefusedError):
        connection.connect()


def test_demo_without_debug_is_refused(database):
    off = {"DJANGO_DEBUG": "0", "DJANGO_SECRET_KEY": "a-key-of-somebody-who-means-it"}
    demo = manage("demo", env=environment(database, **off))

    assert demo.returncode == 1
    assert "DJANGO_DEBUG" in demo.stderr
    assert not demo.stdout


def assert_no_secret(output):
    assert "eyJhbG…" in output
    assert not re.search(r"eyJ[\w-]{10}", output)
    assert PASSWORD not in output


def restore_interrupts():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def running_demo(*arguments, env):
    process = subprocess.Popen(  # noqa: S603  (our own command)
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        # A background process of a shell without job control ignores SIGINT, and so would its
        # children.
        preexec_fn=restore_interrupts,  # noqa: PLW1509  (no other threads hold locks)
    )
    # A stuck demo must not block the tests.
    guard = Timer(LONGEST_RUN, process.kill)
    guard.daemon = True
    guard.start()
    return process


def read_until(process, beginning):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.lstrip().startswith(beginning):
            break
    return "".join(lines)


def lifetime(answer):
    began, ends = answer["session"]["created_at"], answer["access_expires_at"]
    return datetime.fromisoformat(ends) - datetime.fromisoformat(began)


def log_in(host, port):
    body = json.dumps({"username": USERNAME, "password": PASSWORD})
    with closing(HTTPConnection(host, port)) as connection:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/auth/login/", body, headers)
        return json.load(connection.getresponse())

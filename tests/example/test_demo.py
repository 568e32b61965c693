"""The demo, as a new user runs it."""

import re
from contextlib import closing
from http.client import HTTPConnection

import pytest

from example_project.demo.accounts import PASSWORD
from tests.example.commands import environment, manage, read_until, start

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
    assert (
        "Library PC POST /auth/refresh/              → 403 session_expired, absolute"
        in demo.stdout
    )
    assert '"detail"' not in demo.stdout
    assert demo.stdout.splitlines()[-1].startswith("✓ 10 steps")
    assert_no_secret(demo.stdout + demo.stderr)


def test_demo_unmet_expectation_fails_with_its_name(database):
    env = environment(database, EXAMPLE_REFRESH_SESSIONS=STRICT_OPTIONS)
    demo = manage("demo", "-v", "2", env=env)

    assert demo.returncode == 1
    assert headlines(demo.stdout) == HEADLINES[:5]
    assert "✗ an access token for every tab" in demo.stdout
    assert "Step 5, Five tabs refresh at once: an access token for every tab" in demo.stderr
    assert re.search(r"expected +\[\(200, True\), .*\n +got +\[.*\(401, False\)", demo.stderr)
    assert "Traceback" not in demo.stderr
    # With the bodies of requests and answers.
    assert '"password": "…"' in demo.stdout
    assert '← 401 {"detail": "This session has ended. Please sign in again."' in demo.stdout
    assert_no_secret(demo.stdout + demo.stderr)


def test_demo_killed_leaves_no_server(database):
    with start("demo", env=environment(database)) as demo:
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

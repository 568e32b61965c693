"""The page of ``manage.py demo --serve``: its servers, without a browser."""

import json
import re
import signal
from contextlib import closing
from datetime import datetime, timedelta
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from importlib.util import find_spec
from urllib.parse import urlsplit

import pytest

from example_project.demo import modes
from example_project.demo.accounts import PASSWORD, USERNAME
from example_project.demo.http import HTTPClient, Request
from example_project.demo.sample_clients import ATTACKER_ADDRESS
from tests.example.commands import LONGEST_SERVING, environment, manage, read_until, start

NAMES = ["default", "strict", "simplejwt"]
with_simplejwt = pytest.mark.skipif(
    find_spec("rest_framework_simplejwt") is None, reason="simplejwt is not installed"
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A running demo."""
    env = environment(tmp_path_factory.mktemp("demo") / "demo.sqlite3")
    serving = ("demo", "--serve", "--port", "0")
    with start(*serving, env=env, longest=LONGEST_SERVING) as process:
        process.shown = read_until(process, "Serving until")
        yield process
        process.send_signal(signal.SIGINT)
        process.communicate()


@pytest.fixture(scope="module")
def addresses(demo):
    """The base URL of each running mode, as the page names them."""
    shown = re.search(r"Open (http://127\.0\.0\.1:\d+)/ ", demo.shown)
    assert shown, demo.shown
    page = get(shown[1], "/").text
    others = re.findall(r'href="(http://127\.0\.0\.1:\d+)/" data-mode="(\w+)"', page)
    return {"default": shown[1], **{name: address for address, name in others}}


@pytest.fixture(params=["default", pytest.param("simplejwt", marks=with_simplejwt), "strict"])
def address(addresses, request):
    return addresses[request.param]


def client(address):
    parts = urlsplit(address)
    return HTTPClient(parts.hostname, parts.port)


def get(address, path):
    return client(address).exchange(Request(method="GET", path=path))


def post(address, path, data, *, as_client=""):
    """Send JSON as one of the sample clients."""
    parts = urlsplit(address)
    headers = {"Content-Type": "application/json", "X-Demo-Client": as_client}
    with closing(HTTPConnection(parts.hostname, parts.port)) as connection:
        connection.request("POST", path, json.dumps(data), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def log_in(address):
    status, body = post(address, "/auth/login/", {"username": USERNAME, "password": PASSWORD})
    assert status == 200
    return body


def submit(address, path, **data):
    """Submit a form with the token of the page's cookie, as its script does."""
    page = get(address, "/")
    cookie = SimpleCookie(page.header("Set-Cookie"))["csrftoken"].value
    form = {"csrfmiddlewaretoken": cookie, **data}
    request = Request(
        method="POST", path=path, data=form, sent_as="form", cookies={"csrftoken": cookie}
    )
    return client(address).exchange(request)


def test_output_has_links_with_accounts(demo):
    assert re.search(r"Devices +http://127.0.0.1:\d+/devices/  \(ada, demo-password\)", demo.shown)
    assert re.search(r"Admin +http://127.0.0.1:\d+/admin/  \(admin, demo-password\)", demo.shown)
    assert "200 sessions" in demo.shown


def test_switch_has_each_installed_mode(addresses):
    assert list(addresses) == [name for name in NAMES if name in addresses]
    assert ("simplejwt" in addresses) == bool(find_spec("rest_framework_simplejwt"))
    if "simplejwt" not in addresses:
        assert "not installed" in get(addresses["default"], "/").text


def test_page_of_each_mode_has_strict_policy(address):
    for path, ancestors in (("/", "DENY"), ("/tab/", "SAMEORIGIN"), ("/code/", "DENY")):
        page = get(address, path)
        assert page.status == 200
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in page.header(
            "Content-Security-Policy"
        )
        assert page.header("X-Frame-Options") == ancestors
        # Other sites are not contacted.
        assert not re.findall(r' (?:src|action)="(?!/)', page.text)
        for resource in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
            assert get(address, resource).status == 200, resource


def test_page_of_code_has_the_script_of_a_tab(addresses):
    page = get(addresses["default"], "/code/").text

    assert "createClient({" in page
    script = get(addresses["default"], "/static/demo/tab.js").text
    statements = [line for line in script.splitlines() if line.strip()]
    assert len(statements) <= 40


def test_access_token_of_page_lasts_twenty_seconds(addresses):
    answer = log_in(addresses["default"])

    began, ends = answer["session"]["created_at"], answer["access_expires_at"]
    lifetime = datetime.fromisoformat(ends) - datetime.fromisoformat(began)
    assert timedelta(seconds=18) < lifetime <= timedelta(seconds=20)


def test_used_token_in_default_mode_is_accepted_again(addresses):
    sent = {"refresh": log_in(addresses["default"])["refresh"]}

    statuses = [post(addresses["default"], "/auth/refresh/", sent)[0] for _ in range(2)]
    assert statuses == [200, 200]


def test_used_token_in_strict_mode_is_reuse(addresses):
    sent = {"refresh": log_in(addresses["strict"])["refresh"]}

    assert post(addresses["strict"], "/auth/refresh/", sent)[0] == 200
    status, body = post(addresses["strict"], "/auth/refresh/", sent)
    assert (status, body["code"]) == (401, "session_revoked")


@with_simplejwt
def test_used_token_in_simplejwt_mode_is_on_blacklist(addresses):
    address = addresses["simplejwt"]
    sent = {"refresh": log_in(address)["refresh"]}

    assert post(address, "/auth/refresh/", sent)[0] == 200
    status, body = post(address, "/auth/refresh/", sent)
    assert (status, body["detail"]) == (401, "Token is blacklisted")


def test_timeline_has_both_clients_of_reuse_and_no_secret(addresses):
    address = addresses["strict"]
    tokens = log_in(address)
    post(address, "/auth/refresh/", {"refresh": tokens["refresh"]}, as_client="attacker")
    post(address, "/auth/refresh/", {"refresh": tokens["refresh"]})

    answer = get(address, "/timeline/")
    event = next(e for e in answer.json["events"] if e["session"] == tokens["session"]["id"])
    assert event["kind"] == "reuse_detected"
    assert event["other_address"] == ATTACKER_ADDRESS
    assert event["address"] != ATTACKER_ADDRESS
    assert not re.search(r"eyJ|secret|digest|hash", answer.text)


def test_staff_revoke_session_of_page(addresses):
    address = addresses["default"]
    tokens = log_in(address)

    answer = submit(address, "/staff/revoke/", session=tokens["session"]["id"])
    assert answer.json == {"revoked": True}
    status, body = post(address, "/auth/refresh/", {"refresh": tokens["refresh"]})
    assert (status, body["code"]) == (401, "session_revoked")
    event = get(address, "/timeline/").json["events"][0]
    assert (event["kind"], event["actor"]) == ("revoked", "admin")


@with_simplejwt
def test_staff_revoke_in_simplejwt_mode_leaves_access_token(addresses):
    address = addresses["simplejwt"]
    tokens = log_in(address)

    assert submit(address, "/staff/revoke/").json == {"revoked": True}
    assert post(address, "/auth/refresh/", {"refresh": tokens["refresh"]})[0] == 401
    request = Request(method="GET", path="/api/me/", access=tokens["access"])
    assert client(address).exchange(request).status == 200


@pytest.mark.parametrize("session", ["", "x", "6b0e5d1c-3f7a-4c21-9d84-000000000000"])
def test_staff_revoke_of_unknown_session_is_not_found(addresses, session):
    assert submit(addresses["default"], "/staff/revoke/", session=session).status == 404


@pytest.mark.parametrize("path", ["/staff/revoke/", "/open/devices/", "/open/alarm/"])
def test_form_without_token_of_page_is_refused(addresses, path):
    request = Request(method="POST", path=path, data={}, sent_as="form")

    assert client(addresses["default"]).exchange(request).status == 403
    assert get(addresses["default"], path).status == 405


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/open/devices/", "/devices/"),
        ("/open/alarm/", "/admin/refresh_sessions/devicesession/{}/change/"),
    ],
)
def test_link_logs_in_and_shows_the_session(addresses, path, target):
    address = addresses["default"]
    session = log_in(address)["session"]["id"]

    answer = submit(address, path, session=session)
    assert (answer.status, answer.header("Location")) == (302, target.format(session))
    cookies = SimpleCookie()
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            cookies.load(value)
    request = Request(
        method="GET",
        path=target.format(session),
        cookies={"sessionid": cookies["sessionid"].value},
    )
    assert client(address).exchange(request).status == 200


def test_link_to_alarm_without_session_shows_the_list(addresses):
    answer = submit(addresses["default"], "/open/alarm/")

    assert answer.header("Location") == "/admin/refresh_sessions/devicesession/"


def test_interrupt_ends_all_servers(tmp_path):
    with start("demo", "--serve", env=environment(tmp_path / "demo.sqlite3")) as process:
        shown = read_until(process, "Serving until")
        base = re.search(r"Open (http://127\.0\.0\.1:\d+)/ ", shown)[1]
        bases = {base, *re.findall(r'href="(http://[^"]+)/" data-mode', get(base, "/").text)}
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert process.returncode == 0
    assert len(bases) == sum(mode.is_installed for mode in modes.MODES)
    for address in bases:
        with pytest.raises(ConnectionRefusedError):
            get(address, "/")


def test_serve_on_used_port_fails_with_one_line(addresses, tmp_path):
    port = str(urlsplit(addresses["default"]).port)
    done = manage("demo", "--serve", "--port", port, env=environment(tmp_path / "x.sqlite3"))

    assert done.returncode == 1
    assert done.stderr.strip() == f"CommandError: The server did not start. Port {port} is in use."


def test_mode_without_its_library_is_left_out(monkeypatch):
    monkeypatch.setattr(modes, "find_spec", lambda name: None if "jwt" in name else object())

    assert [mode.name for mode in modes.MODES if mode.is_installed] == ["default", "strict"]

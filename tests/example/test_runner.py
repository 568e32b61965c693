"""Output of the demo for met and unmet expectations."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management.base import OutputWrapper
from django.core.management.color import no_style

from example_project.demo.http import Answer, HTTPClient, Request
from example_project.demo.runner import Runner, UnmetExpectationError
from example_project.demo.scenario import Scenario, StepFailedError
from example_project.demo.screen import Screen, fold, shorten, summarize

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLWszUTI"


@pytest.fixture
def shown():
    return StringIO()


@pytest.fixture
def screen(shown):
    return Screen(OutputWrapper(shown), no_style())


@pytest.fixture
def detailed_screen(shown):
    return Screen(OutputWrapper(shown), no_style(), with_bodies=True)


@pytest.fixture
def runner(screen):
    return Runner(HTTPClient("127.0.0.1", 1), screen)


def answered(status, body="{}", content_type="application/json"):
    return Answer(status=status, text=body, headers=[("Content-Type", content_type)])


def test_expected_answer_is_counted(runner, shown):
    answer = answered(401, '{"code": "session_revoked", "detail": "…"}')

    runner.expect_answer("refused", answer, 401, code="session_revoked")

    assert runner.passed == 1
    assert shown.getvalue().strip() == "✓ refused"


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (answered(200, '{"code": "session_revoked"}'), '200 {"code": "session_revoked"}'),
        (answered(401, '{"code": "token_not_valid"}'), '401 {"code": "token_not_valid"}'),
        (answered(401), "401"),
        (answered(500, "<title>Server\n error</title>", "text/html"), '500 page "Server error"'),
        (answered(200, '["no object"]'), "200"),
    ],
)
def test_unexpected_answer_fails_step(runner, shown, answer, got):
    with pytest.raises(UnmetExpectationError) as caught:
        runner.expect_answer("refused", answer, 401, code="session_revoked")

    assert str(caught.value).splitlines() == [
        "refused",
        '  expected  401 {"code": "session_revoked"}',
        f"  got       {got}",
    ]
    assert shown.getvalue().strip() == "✗ refused"
    assert runner.passed == 0


def test_unexpected_value_fails_step(runner):
    with pytest.raises(UnmetExpectationError, match=r"(?s)expected  1.*got       2"):
        runner.expect("one token", expected=1, got=2)


def test_unreachable_server_fails_step(runner, monkeypatch):
    monkeypatch.setattr("example_project.demo.runner.HTTPClient.exchange", refuse)
    scenario = Scenario(runner, username="demo", staff="admin", password="-")

    with pytest.raises(StepFailedError, match="Step 1, Log in: no answer"):
        scenario.run()


def refuse(*args):
    raise ConnectionRefusedError


def test_request_output_hides_password_with_token(detailed_screen, shown):
    data = {"username": "demo", "password": "hush", "refresh": TOKEN}

    detailed_screen.request("Phone", Request(method="POST", path="/x/", data=data, access=TOKEN))

    assert "hush" not in shown.getvalue()
    assert TOKEN not in shown.getvalue()
    assert shown.getvalue().count("eyJhbG…" + TOKEN[-4:]) == 2


def test_form_output_is_urlencoded(detailed_screen, shown):
    data = {"username": "admin", "password": "hush"}

    detailed_screen.request("Staff", Request(method="POST", path="/x/", data=data, sent_as="form"))

    assert shown.getvalue().strip() == "Staff → POST /x/ username=admin&password=…"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (answered(200, f'{{"access": "{TOKEN}", "session": {{}}}}'), "200 access eyJhbG…zUTI"),
        (answered(200, '{"username": "ada"}'), "200"),
        (answered(204, "", ""), "204"),
        (answered(401, '{"detail": "…", "code": "session_revoked"}'), "401 session_revoked"),
        (
            answered(403, '{"code": "session_expired", "reason": "idle"}'),
            "403 session_expired, idle",
        ),
    ],
)
def test_answer_without_bodies_is_one_line(screen, shown, answer, outcome):
    request = Request(method="POST", path="/auth/refresh/", data={"refresh": TOKEN})

    screen.request("Phone", request)
    screen.answer("Phone", request, answer)

    (line,) = shown.getvalue().splitlines()
    assert line.split(" → ") == ["        Phone POST /auth/refresh/             ", outcome]


def test_lost_answer_without_bodies_is_one_line(screen, shown):
    screen.lost("Phone", Request(method="POST", path="/auth/refresh/"))

    assert shown.getvalue().endswith("→ the answer is lost\n")


def test_redirect_output_has_location():
    answer = Answer(status=302, text="", headers=[("location", "/admin/")])

    assert summarize(answer) == "302 /admin/"


def test_shortened_token_keeps_last_characters():
    assert shorten(f"Bearer {TOKEN}.") == f"Bearer eyJhbG…{TOKEN[-4:]}."


def test_long_json_is_folded_between_fields():
    assert fold(["200", '{"a": "b c", "d": "e"}'], 12) == ["200", '{"a": "b c",', '"d": "e"}']


def test_waiting_is_limited_to_three_seconds(runner, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("example_project.demo.runner.time.sleep", slept.append)

    runner.wait_until(datetime.max.replace(tzinfo=UTC) - timedelta(days=1), "the end of time")

    assert slept == [3.0]

"""SessionClient.kt with scripted answers."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.clients.hosts import Host
from tests.clients.phones.fake_server import Answer, FakeServer, refusal, tokens

PATH = "/api/"
EXPIRED = refusal(401, "token_not_valid")
OK = Answer(body={})
EXPIRING = 1
"""Lifetime of an access token whose expiry the test waits for, in seconds."""


@pytest.fixture
def drive(kotlin_command):
    """Run a story with a logged-in client; the story gets the server and ``ask``."""

    def run(story, **login):
        async def execute():
            host = Host("kotlin", kotlin_command)
            await host.start()
            async with FakeServer() as server:
                server.script("/auth/login/", tokens(1, **login))
                server.script(PATH, OK)

                async def ask(op, **arguments):
                    return await host.ask(op, run="run", **arguments)

                try:
                    await ask("open", origin=server.origin, jar=True)
                    await ask("login", username="ada", password="secret")
                    if login.get("lifetime") == EXPIRING:
                        await asyncio.sleep(EXPIRING)
                    return await story(server, ask)
                finally:
                    await host.stop()

        return asyncio.run(execute())

    return run


async def stored(ask, field="refresh"):
    text = (await ask("look")).get("stored")
    return text and text[field]


def test_parallel_calls_after_expiry_share_one_refresh(drive):
    async def story(server, ask):
        server.script("/auth/refresh/", tokens(2, delay=0.3))
        done = [ask("get", path=PATH) for _ in range(10)]
        assert {answer["status"] for answer in await asyncio.gather(*done)} == {200}
        assert len(server.sent_to("/auth/refresh/")) == 1
        assert {request.authorization for request in server.sent_to(PATH)} == {"bearer access-2"}
        assert await stored(ask) == "refresh-2"

    drive(story, lifetime=EXPIRING)


def test_parallel_calls_without_an_answer_share_four_attempts(drive):
    async def story(server, ask):
        server.script("/auth/refresh/", refusal(503, "database_busy"))
        answers = await asyncio.gather(*(ask("get", path=PATH) for _ in range(5)))
        assert {answer["action"] for answer in answers} == {"retry"}
        assert len(server.sent_to("/auth/refresh/")) == 4
        assert await stored(ask) == "refresh-1"

    drive(story, lifetime=EXPIRING)


def test_refused_access_token_is_refreshed_and_the_call_repeated(drive):
    async def story(server, ask):
        server.script(PATH, EXPIRED, OK)
        server.script("/auth/refresh/", tokens(2))
        assert (await ask("get", path=PATH))["status"] == 200
        assert [request.authorization for request in server.sent_to(PATH)] == [
            "bearer access-1",
            "bearer access-2",
        ]

    drive(story)


def test_call_that_is_refused_again_and_again_ends(drive):
    async def story(server, ask):
        server.script(PATH, EXPIRED)
        server.script("/auth/refresh/", *(tokens(number) for number in range(2, 9)))
        assert (await ask("get", path=PATH))["status"] == 401
        assert len(server.sent_to(PATH)) == 4

    drive(story)


def test_answer_without_refresh_keeps_the_stored_one(drive):
    async def story(server, ask):
        server.script("/auth/refresh/", tokens(2, refresh=False))
        assert (await ask("refresh"))["access"] == "access-2"
        assert await stored(ask) == "refresh-1"

    drive(story)


def test_retry_after_of_busy_server_is_waited_for(drive):
    async def story(server, ask):
        busy = refusal(503, "database_busy", Retry_After="2")
        server.script("/auth/refresh/", busy, tokens(2))
        started = time.monotonic()
        assert (await ask("refresh"))["access"] == "access-2"
        assert time.monotonic() - started > 2

    drive(story)


def test_long_retry_after_is_reported_and_no_request_is_sent_before(drive):
    async def story(server, ask):
        server.script("/auth/refresh/", refusal(429, "throttled", Retry_After="60"))
        for _ in range(3):
            failed = await ask("get", path=PATH)
            assert (failed["action"], failed["retryAfter"]) == ("retry", 60)
        assert len(server.sent_to("/auth/refresh/")) == 1
        assert await stored(ask) == "refresh-1"

    drive(story, lifetime=EXPIRING)


def test_refresh_without_answer_is_repeated_after_three_seconds(drive):
    async def story(server, ask):
        server.script("/auth/refresh/", tokens(2, delay=9), tokens(3))
        started = time.monotonic()
        assert (await ask("refresh"))["access"] == "access-3"
        assert 3 < time.monotonic() - started < 8
        sent = [request.body for request in server.sent_to("/auth/refresh/")]
        assert sent == [{"refresh": "refresh-1"}] * 2

    drive(story)


def test_superseded_refresh_reads_the_storage_again(drive):
    async def story(server, ask):
        superseded = Answer(409, {"detail": "", "code": "refresh_superseded"}, delay=0.5)
        server.script("/auth/refresh/", superseded)
        refreshing = asyncio.create_task(ask("refresh"))
        await asyncio.sleep(0.2)
        await ask("put", text=text_of("access-7", "refresh-7"))
        assert (await refreshing)["access"] == "access-7"
        assert len(server.sent_to("/auth/refresh/")) == 1

    drive(story)


def text_of(access, refresh):
    return f'{{"access": "{access}", "refresh": "{refresh}", "received_at": 0}}'


@pytest.mark.parametrize(
    "late", [tokens(2, delay=0.5), Answer(401, {"code": "session_revoked"}, delay=0.5)]
)
def test_answer_after_a_login_elsewhere_is_discarded(drive, late):
    async def story(server, ask):
        server.script("/auth/refresh/", late)
        refreshing = asyncio.create_task(ask("refresh"))
        await asyncio.sleep(0.2)
        await ask("put", text=text_of("access-7", "refresh-7"))
        assert (await refreshing)["access"] == "access-7"
        assert await stored(ask) == "refresh-7"

    drive(story)


def test_logout_waits_for_a_refresh_and_revokes_its_token(drive):
    async def story(server, ask):
        server.script("/auth/refresh/", tokens(2, delay=0.5))
        server.script("/auth/logout/", Answer(204))
        refreshing = asyncio.create_task(ask("refresh"))
        await asyncio.sleep(0.2)
        await ask("logout")
        await refreshing
        assert [request.body for request in server.sent_to("/auth/logout/")] == [
            {"refresh": "refresh-2"}
        ]
        assert (await ask("look"))["signedOut"]
        assert (await ask("refresh"))["code"] == "logged_out"

    drive(story)


def test_logout_without_an_answer_deletes_the_tokens_and_reports_it(drive):
    async def story(server, ask):
        server.script("/auth/logout/", refusal(503, "database_busy"))
        assert (await ask("logout"))["action"] == "retry"
        assert (await ask("look"))["signedOut"]

    drive(story)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "session_revoked"),
        (403, "session_expired"),
        (401, "session_expired"),
        (401, "token_not_valid"),
        (401, "device_proof_required"),
    ],
)
def test_final_refusal_deletes_the_tokens_and_calls_back_once(drive, status, code):
    async def story(server, ask):
        server.script("/auth/refresh/", refusal(status, code))
        answers = await asyncio.gather(*(ask("get", path=PATH) for _ in range(3)))
        assert {answer["action"] for answer in answers} == {"login"}
        look = await ask("look")
        assert look["signedOut"]
        assert look["ended"] == [code]

    drive(story, lifetime=EXPIRING)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200),
        Answer(200, {"accessToken": "x"}),
        Answer(302, headers={"Location": "/login/"}),
        Answer(403, {"detail": "Blocked."}),
        refusal(400, "invalid"),
        refusal(404, "not_found"),
    ],
    ids=lambda answer: f"{answer.status}-{answer.body}",
)
def test_unexpected_answer_keeps_the_tokens(drive, answer):
    async def story(server, ask):
        server.script("/auth/refresh/", answer)
        assert (await ask("refresh"))["action"] == "fix"
        assert await stored(ask) == "refresh-1"

    drive(story)


def test_tokens_that_could_not_be_saved_are_not_used_and_saved_later(drive):
    async def story(server, ask):
        server.script("/auth/refresh/", tokens(2), tokens(3))
        await ask("break", broken=True)
        failed = await ask("refresh")
        assert (failed["action"], failed["code"]) == ("fix", "storage")
        await ask("get", path=PATH)
        assert server.sent_to(PATH)[0].authorization == "bearer access-1"
        await ask("break", broken=False)
        assert (await ask("refresh"))["access"] == "access-2"
        assert await stored(ask) == "refresh-2"
        assert len(server.sent_to("/auth/refresh/")) == 1

    drive(story)


def test_access_token_is_refreshed_in_the_background_before_it_expires(drive):
    async def story(server, ask):
        server.script("/auth/refresh/", tokens(2))
        await asyncio.sleep(3.5)
        await ask("get", path=PATH)
        assert server.sent_to(PATH)[0].authorization == "bearer access-1"
        for _ in range(100):
            if await stored(ask) == "refresh-2":
                return
            await asyncio.sleep(0.05)
        pytest.fail("no refresh")

    drive(story, lifetime=4)


@pytest.mark.parametrize(
    ("minutes", "lifetime", "refreshes"),
    [(-1, 63, 0), (60, 2, 1), (-40 * 365 * 1440, 900, 0)],
    ids=["ahead", "behind", "years-ahead"],
)
def test_wrong_clock_of_the_device_changes_no_lifetime(drive, minutes, lifetime, refreshes):
    async def story(server, ask):
        server.script("/auth/refresh/", tokens(2))
        await asyncio.sleep(3)
        await ask("get", path=PATH)
        assert len(server.sent_to("/auth/refresh/")) == refreshes

    drive(story, lifetime=lifetime, now=datetime.now(UTC) + timedelta(minutes=minutes))


def test_other_origin_gets_no_token_and_its_401_causes_no_refresh(drive):
    async def story(server, ask):
        async with FakeServer() as other:
            other.script("/", EXPIRED)
            assert (await ask("get", path=f"{other.origin}/"))["status"] == 401
            server.script(PATH, Answer(302, headers={"Location": f"{other.origin}/"}))
            assert (await ask("get", path=PATH))["status"] == 401
            assert [request.authorization for request in other.requests] == [None, None]
        assert not server.sent_to("/auth/refresh/")

    drive(story)


def test_authorization_of_the_app_is_left_alone(drive):
    async def story(server, ask):
        server.script(PATH, EXPIRED)
        assert (await ask("get", path=PATH, header="Basic eDp5"))["status"] == 401
        assert [request.authorization for request in server.sent_to(PATH)] == ["basic edp5"]

    drive(story)


def test_companion_cookie_of_the_login_is_stored_and_sent_with_refreshes(drive):
    async def story(server, ask):
        other = {"Set-Cookie": "affinity=1; Path=/"}
        server.script("/auth/refresh/", tokens(2, headers=other), tokens(3))
        await ask("refresh")
        # After a restart of the app.
        await ask("open", tab="b", origin=server.origin, jar=True)
        assert (await ask("refresh", tab="b"))["access"] == "access-3"
        await ask("get", tab="b", path=PATH)
        cookies = [request.cookie for request in server.sent_to("/auth/refresh/")]
        assert cookies == ["refresh_companion=abc"] * 2
        assert server.sent_to(PATH)[0].cookie is None

    drive(story, headers={"Set-Cookie": "refresh_companion=abc; Path=/; HttpOnly; SameSite=Lax"})


def test_errors_contain_no_token(drive):
    async def story(server, ask):
        texts = []
        for answer in (refusal(400, "invalid"), Answer(200), refusal(401, "session_revoked")):
            server.script("/auth/refresh/", answer)
            texts.append((await ask("refresh"))["text"])
        assert not any("refresh-1" in text or "access-1" in text for text in texts)

    drive(story)


def test_step_up_asks_once_for_parallel_calls_and_again_after_a_wrong_password(drive):
    async def story(server, ask):
        server.script(PATH, *[refusal(401, "reauthentication_required")] * 3, OK)
        failed = refusal(401, "reauthentication_failed")
        server.script("/auth/reauthenticate/", failed, tokens(2, delay=0.5))
        await ask("answer", password="wrong")
        await ask("answer", password="right")
        answers = await asyncio.gather(*(ask("get", path=PATH) for _ in range(3)))
        assert {answer["status"] for answer in answers} == {200}
        asked = (await ask("look"))["asked"]
        assert asked == ["reauthentication_required", "reauthentication_failed"]
        assert await stored(ask) == "refresh-2"
        assert not server.sent_to("/auth/refresh/")

    drive(story)


def test_step_up_that_the_user_cancels_is_reported(drive):
    async def story(server, ask):
        server.script(PATH, refusal(401, "reauthentication_required"))
        failed = await ask("get", path=PATH)
        assert (failed["action"], failed["code"]) == (
            "reauthenticate",
            "reauthentication_required",
        )

    drive(story)


def test_lost_answer_to_a_step_up_is_repeated_with_the_same_access_token(drive):
    async def story(server, ask):
        # Cut off: the body is shorter than its length.
        cut_off = Answer(200, {}, {"Content-Length": "500"})
        server.script("/auth/reauthenticate/", cut_off, tokens(2, refresh=False))
        await ask("reauthenticate", password="secret")
        sent = [request.authorization for request in server.sent_to("/auth/reauthenticate/")]
        assert sent == ["bearer access-1"] * 2
        assert await stored(ask, "access") == "access-2"

    drive(story)


def test_call_without_a_session_tells_to_log_in(drive):
    async def story(server, ask):
        server.script("/auth/logout/", Answer(204))
        await ask("logout")
        assert (await ask("get", path=PATH))["status"] == 200
        server.script(PATH, refusal(401, "not_authenticated"))
        assert (await ask("get", path=PATH))["action"] == "login"
        assert server.sent_to(PATH)[-1].authorization is None

    drive(story)

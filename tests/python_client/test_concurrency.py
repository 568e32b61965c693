"""Threads and tasks with one storage: they refresh once together; lost answers log out no one."""

import asyncio
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio.lowlevel
import httpx
import pytest

from refresh_sessions.client import FileStorage, RetryPolicy, TransientError
from tests.python_client.model_server import CREDENTIALS, ORIGIN, lost, replying, unsent
from tests.python_client.model_transport import ModelTransport

THREADS = 8


@pytest.fixture
def storage(tmp_path):
    return FileStorage(tmp_path / "tokens.json")


@pytest.fixture
def in_threads():
    """Return a function that runs one function in threads that begin at once."""

    def run(function):
        barrier = threading.Barrier(THREADS)

        def begin(number):
            barrier.wait(10)
            return function(number)

        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(begin, range(THREADS)))

    return run


def test_threads_at_expiry_refresh_once(server, simulated, auth, connect, in_threads):
    with connect(auth) as web:
        web.get("/items/")
        for round_number in range(1, 6):
            simulated.advance(61)
            answers = in_threads(lambda _: web.get("/items/").status_code)
            assert answers == [200] * THREADS
            assert server.calls["/refresh/"] == round_number


def test_threads_without_tokens_log_in_once(server, auth, connect, in_threads):
    with connect(auth) as web:
        assert in_threads(lambda _: web.get("/items/").status_code) == [200] * THREADS
    assert server.calls["/login/"] == 1


def refuse(server, access):
    """Refuse one access token at ``/items/``."""

    def fault(request, answer):
        if request.headers["authorization"] == f"Bearer {access}":
            return replying(401, b'{"code": "token_not_valid"}')(request, answer)
        return answer()

    server.faults["/items/"].extend([fault] * 100)


def test_refused_threads_refresh_once(server, auth, connect, in_threads):
    with connect(auth) as web:
        refuse(server, auth.access_token())
        assert in_threads(lambda _: web.get("/items/").status_code) == [200] * THREADS
    assert server.calls["/refresh/"] == 1


def test_objects_with_one_file_refresh_once(
    server, simulated, make_auth, storage, connect, in_threads
):
    auths = [make_auth(storage=FileStorage(storage.path)) for _ in range(THREADS)]
    assert len(set(in_threads(lambda number: auths[number].access_token()))) == 1
    simulated.advance(61)
    assert len(set(in_threads(lambda number: auths[number].access_token()))) == 1
    assert server.calls == {"/login/": 1, "/refresh/": 1}


def test_thread_refused_before_a_reauthentication_elsewhere_does_not_ask(
    server, simulated, make_auth, connect, in_threads
):
    asked = []

    def ask():
        asked.append(1)
        return {"password": CREDENTIALS["password"]}

    auth = make_auth(reauthentication=ask)
    auth.login()
    simulated.advance(400)
    refused = auth.access_token()
    renewals = in_threads(lambda _: auth._source.reauthenticate(refused))
    assert asked == [1]
    assert [renewal.adopted for renewal in renewals].count(False) == 1
    with connect(auth) as web:
        assert in_threads(lambda _: web.get("/sensitive/").status_code) == [200] * THREADS


def test_tasks_refresh_once(server, simulated, auth):
    async def main():
        transport = ModelTransport(server)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, auth=auth) as web:
            for round_number in range(4):
                statuses = []

                async def get(statuses=statuses):
                    statuses.append((await web.get("/items/")).status_code)

                async with anyio.create_task_group() as group:
                    for _ in range(100):
                        group.start_soon(get)
                assert statuses == [200] * 100
                assert server.calls["/refresh/"] == round_number
                simulated.advance(61)
            refuse(server, await auth.aaccess_token())
            before = server.calls["/refresh/"]
            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(web.get, "/items/")
            assert server.calls["/refresh/"] == before + 1
            await auth.alogout()

    anyio.run(main)
    assert server.calls["/login/"] == 1


def test_several_event_loops_use_one_object(server, simulated, auth):
    for _ in range(3):
        assert asyncio.run(auth.aaccess_token())
        simulated.advance(61)
    assert server.calls == {"/login/": 1, "/refresh/": 2}


def test_cancelled_task_leaves_the_new_tokens_in_the_storage(server, make_auth, storage):
    reached, released = threading.Event(), threading.Event()

    def slow(request, answer):
        received = answer()
        reached.set()
        released.wait(10)
        return received

    auth = make_auth(storage=storage)
    auth.login()

    async def main():
        server.faults["/refresh/"].append(slow)
        refresh = asyncio.create_task(auth.arefresh())
        await asyncio.to_thread(reached.wait, 10)
        refresh.cancel()
        with pytest.raises(asyncio.CancelledError):
            await refresh
        assert storage.load().refresh == "r.1.1"
        released.set()
        assert await auth.aaccess_token()

    asyncio.run(main())
    deadline = time.monotonic() + 10
    while storage.load().refresh != "r.1.2" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert storage.load().refresh == "r.1.2"


def test_coroutine_functions_serve_async_requests_only(server, make_auth):
    async def credentials():
        await anyio.lowlevel.checkpoint()
        return CREDENTIALS

    with pytest.raises(TypeError, match="synchronous callback"):
        make_auth(credentials=credentials).access_token()
    assert asyncio.run(make_auth(credentials=credentials).aaccess_token())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_lost_answers_log_out_no_one(server, simulated, make_auth, storage, rate, seed):
    """A week of requests; a lost request and a lost answer look the same to the client."""
    draw = random.Random(seed)  # noqa: S311
    server.lifetime = 900.0

    def sometimes(request, answer):
        if draw.random() >= rate or request.url.path == "/auth/login/":
            return answer()
        return draw.choice([lost, unsent])(request, answer)

    auth = make_auth(storage=storage)
    auth.login()
    server.always = sometimes
    failed = 0
    for _ in range(150):
        simulated.advance(draw.choice([1, 30, 300, 900, 3000]))
        # A new process reads the file.
        auth = make_auth(storage=FileStorage(storage.path)) if draw.random() < 0.3 else auth
        try:
            with httpx.Client(transport=ModelTransport(server), auth=auth) as web:
                assert web.get(f"{ORIGIN}/items/").status_code == 200
        except TransientError:
            failed += 1
    assert server.calls["/login/"] == 1
    assert server.reuses == 0
    assert server.calls["/refresh/"] > 50
    assert failed < 150 * rate**3


def test_policy_of_one_attempt_is_enough_for_the_session(server, simulated, make_auth, storage):
    auth = make_auth(storage=storage, retry=RetryPolicy(attempts=1))
    auth.login()
    for _ in range(20):
        simulated.advance(100)
        server.faults["/refresh/"].extend([lost, lost])
        for _ in range(2):
            with pytest.raises(TransientError):
                auth.access_token()
            simulated.advance(20)
        assert auth.access_token()
    assert server.calls["/login/"] == 1
    assert server.reuses == 0

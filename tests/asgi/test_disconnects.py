"""A client closes the connection in the middle of a refresh; the rotation is committed anyway."""

import time
from datetime import timedelta
from threading import Event

import pytest
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler
from django.db import transaction
from django.db.models import F

from refresh_sessions.models import SessionEvent, TokenFamily
from refresh_sessions.signals import refresh_token_recovered
from tests.asgi.open_connections import wait_until
from tests.asgi.server import TIMEOUT, ask, send

pytestmark = pytest.mark.urls("tests.asgi.project")


@pytest.fixture
def aborted(monkeypatch):
    """Set as soon as Django has noticed that the client is gone."""
    noticed, listen = Event(), ASGIHandler.listen_for_disconnect

    async def record(self, receive):
        try:
            await listen(self, receive)
        except RequestAborted:
            noticed.set()
            raise

    monkeypatch.setattr(ASGIHandler, "listen_for_disconnect", record)
    return noticed


@pytest.fixture
def recoveries():
    seen = []

    def receive(family, **more):
        seen.append(family.generation)

    refresh_token_recovered.connect(receive)
    yield seen
    refresh_token_recovered.disconnect(receive)


@pytest.fixture
def lose_response(port, pair, aborted, open_connections):
    """Refresh, and close the connection while the refresh waits for its row."""

    def lose(path):
        with transaction.atomic():
            # Under SQLite this transaction itself blocks the UPDATE of the refresh.
            TokenFamily.objects.select_for_update().get(pk=pair.family.pk)
            connection = send(port, path, body={"refresh": pair.refresh})
            wait_until(open_connections.count, "the refresh begins")
            connection.close()
            assert aborted.wait(TIMEOUT)
            assert generation(pair) == pair.family.generation
        wait_until(lambda: generation(pair) > pair.family.generation, "the refresh is committed")
        wait_until(lambda: not open_connections.count(), "the request ends")

    return lose


def generation(pair):
    return TokenFamily.objects.get(pk=pair.family.pk).generation


def age_rotation(pair, by):
    TokenFamily.objects.filter(pk=pair.family.pk).update(rotated_at=F("rotated_at") - by)


@pytest.mark.parametrize("path", ["/refresh/", "/auth/refresh/"])
class TestLostResponses:
    def test_retry_within_overlap_receives_tokens(self, port, pair, lose_response, path):
        lose_response(path)
        expect_tokens(port, path, pair.refresh)

    def test_retry_after_overlap_recovers(self, port, pair, lose_response, recoveries, path):
        lose_response(path)
        age_rotation(pair, timedelta(minutes=2))
        new = expect_tokens(port, path, pair.refresh)
        assert len(recoveries) == 1
        expect_tokens(port, path, new)

    def test_retries_lost_as_well_end_with_tokens(
        self, port, pair, lose_response, recoveries, path
    ):
        lose_response(path)
        for number in range(2, 4):
            age_rotation(pair, timedelta(minutes=2))
            send(port, path, body={"refresh": pair.refresh}).close()
            # The server may notice before the view begins; then the token is not used.
            time.sleep(0.1 * number)
        age_rotation(pair, timedelta(minutes=2))
        expect_tokens(port, path, pair.refresh)
        assert recoveries


def expect_tokens(port, path, refresh):
    """Refresh, and use both tokens; return the refresh token."""
    answer = ask(port, path, body={"refresh": refresh})
    assert answer.status == 200
    assert ask(port, "/user-name/", access=answer.body["access"]).status == 200
    kinds = set(SessionEvent.objects.values_list("kind", flat=True))
    assert kinds <= {"signed_in"}
    return answer.body.get("refresh") or refresh

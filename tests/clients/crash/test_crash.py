"""A crashed browser loses its last writes, and the client sends a used refresh token.

Chromium writes cookies to disk up to 30 seconds late, and localStorage some seconds late. So a
call with a new access token is not yet evidence that the new refresh token was stored: only a call
with a generation of at least the age CONFIRM_DELIVERY_AFTER is.
"""

import pytest

from refresh_sessions.models import EventKind, SessionEvent
from tests.clients.crash.execution import DELAYS, TRANSPORTS

# Otherwise pytest-django creates no database.
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_client_in_browser_killed_after_refresh_stays_logged_in(delay, transport, results):
    user, result = results[delay, transport]
    assert result.before["user"] == str(user.pk), result
    assert result.after["user"] == str(user.pk), result
    assert result.refreshed == "refreshed", result
    events = SessionEvent.objects.filter(session__user=user)
    assert not events.filter(kind=EventKind.REUSE_DETECTED).exists()

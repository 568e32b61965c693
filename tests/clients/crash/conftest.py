"""Fixture that runs all crashes at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from tests.clients import equipment

collect_ignore_glob = ["*.py"] if equipment.browser_left_out() else []


@pytest.fixture(scope="session")
def results(tmp_path_factory, django_db_setup, django_db_blocker) -> Iterator[dict]:
    """The outcome of each crash, by delay and transport, and the users."""
    from tests.clients.crash.execution import DELAYS, TRANSPORTS, crash_all  # noqa: PLC0415
    from tests.factories import UserFactory  # noqa: PLC0415

    directory: Path = tmp_path_factory.mktemp("profiles")
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        # Playwright runs an event loop in this thread, which Django takes for async code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        users = {(delay, how): UserFactory.create() for delay in DELAYS for how in TRANSPORTS}
        names = {key: user.get_username() for key, user in users.items()}
        try:
            outcomes = crash_all(directory, names)
            yield {key: (user, outcomes[key]) for key, user in users.items()}
        finally:
            get_user_model().objects.filter(pk__in=[user.pk for user in users.values()]).delete()

"""Fixture that runs all collected cases at once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from tests.clients import equipment

# Without the client libraries these modules cannot be imported.
collect_ignore_glob = ["*.py"] if equipment.left_out() else []


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Exit with the reason if only these tests were requested and requirements are missing."""
    reason = equipment.left_out()
    here = Path(__file__).parent
    asked_for = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if reason is None or not all(path.is_relative_to(here) for path in asked_for):
        return None
    print(reason)  # noqa: T201 - the only output of the run
    required = os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1"
    return pytest.ExitCode.USAGE_ERROR if required else pytest.ExitCode.OK


def pytest_report_header() -> str | None:
    """Report a run without crash tests."""
    return None if equipment.left_out() else equipment.browser_left_out()


@pytest.fixture(scope="session")
def outcomes(request, django_db_setup, django_db_blocker) -> Iterator[dict]:
    """Run the cases of all collected tests; return their outcomes."""
    from tests.clients.execution import run_all  # noqa: PLC0415 - requirements may be missing
    from tests.factories import UserFactory  # noqa: PLC0415

    specs = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    cases = [params["case"] for params in specs if "case" in params]
    with django_db_blocker.unblock():
        users = {case: UserFactory.create() for case in cases}
        names = {case: user.get_username() for case, user in users.items()}
        try:
            yield run_all(cases, names, str(connection.settings_dict["NAME"]))
        finally:
            get_user_model().objects.filter(pk__in=[user.pk for user in users.values()]).delete()

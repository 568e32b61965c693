"""The outcomes of all the runs that the collected tests are about, from one go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from tests.clients import equipment

# Without their clients these files cannot even be imported.
collect_ignore_glob = ["*.py"] if equipment.left_out() else []


@pytest.fixture(scope="session")
def outcomes(request, django_db_setup, django_db_blocker) -> Iterator[dict]:
    """The outcome of each case that a collected test asks for."""
    from tests.clients.running import run_all  # noqa: PLC0415 - what it needs may be missing
    from tests.factories import UserFactory  # noqa: PLC0415

    specs = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    cases = [params["case"] for params in specs if "case" in params]
    with django_db_blocker.unblock():
        users = {case: UserFactory() for case in cases}
        names = {case: user.get_username() for case, user in users.items()}
        try:
            yield run_all(cases, names, str(connection.settings_dict["NAME"]))
        finally:
            get_user_model().objects.filter(pk__in=[user.pk for user in users.values()]).delete()



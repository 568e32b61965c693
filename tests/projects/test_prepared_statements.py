"""Statements that PostgreSQL prepares: ``server_side_binding`` and ``prepare_threshold``."""

from datetime import timedelta

import pytest
from django.db import connection
from rest_framework.test import APIClient

from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = {"server_side_binding": True, "prepare_threshold": 3}


@pytest.fixture
def _prepared():
    if connection.vendor != "postgresql":
        pytest.skip("options of PostgreSQL's driver")
    before = connection.settings_dict["OPTIONS"]
    connection.close()
    connection.settings_dict["OPTIONS"] = {**before, **OPTIONS}
    yield
    connection.close()
    connection.settings_dict["OPTIONS"] = before


@pytest.mark.usefixtures("_prepared")
def test_session_with_prepared_statements_lives_from_login_to_logout(options):
    options(ROTATION_OVERLAP=timedelta(0))
    user, client = UserFactory(), APIClient()
    body = {"username": user.get_username(), "password": PASSWORD}
    tokens = client.post("/auth/login/", body, "json").json()
    for _ in range(2 * OPTIONS["prepare_threshold"]):
        headers = {"authorization": f"Bearer {tokens['access']}"}
        assert client.get("/auth/sessions/", headers=headers).status_code == 200
        answer = client.post("/auth/refresh/", {"refresh": tokens["refresh"]}, "json")
        tokens = answer.json()
        assert answer.status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = [statement for (statement,) in cursor.fetchall()]
    for verb in ("SELECT", "UPDATE"):
        assert any(
            statement.startswith(verb) and '"refresh_sessions_tokenfamily"' in statement
            for statement in prepared
        )
    assert client.post("/auth/logout/", {"refresh": tokens["refresh"]}, "json").status_code == 204
    headers = {"authorization": f"Bearer {tokens['access']}"}
    assert client.get("/auth/sessions/", headers=headers).status_code == 401

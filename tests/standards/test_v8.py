"""ASVS V8, authorization."""

import pytest
from django.contrib.auth.models import Permission

from refresh_sessions.sessions import check_access_token
from tests.api.client import problem
from tests.domain.client_actions import call, session_of
from tests.factories import make_pair
from tests.standards.registry import passes
from tests.unit.forge import parts

pytestmark = pytest.mark.django_db


@passes(
    "ASVS 8.2.2",
    "A session of another user is 404 to read, rename and revoke, as is one that never existed.",
)
def test_asvs_8_2_2_session_of_other_user_is_not_found(api, pair):
    other = make_pair(name="Theirs")
    absent = "5b55770e-b065-4732-9fd5-fa15efa17790"
    for session_id in (other.session.pk, absent):
        path = f"sessions/{session_id}/"
        answers = [
            api.get(path, access=pair.access),
            api.patch(path, {"name": "Mine"}, access=pair.access),
            api.delete(path, access=pair.access),
        ]
        assert [problem(answer) for answer in answers] == [(404, "not_found")] * 3
    listed = api.get("sessions/", access=pair.access).json()
    assert [session["id"] for session in listed] == [str(pair.session.pk)]
    assert (call(other), session_of(other).name) == ("ok", "Theirs")


@passes(
    "ASVS 8.3.2",
    "An access token has no roles: permissions are read from the database at each request.",
)
def test_asvs_8_3_2_removed_permission_applies_to_next_request(api, pair, user):
    permission = Permission.objects.get(codename="revoke_devicesession")
    user.user_permissions.add(permission)
    assert check_access_token(pair.access).user.has_perm("refresh_sessions.revoke_devicesession")
    user.user_permissions.remove(permission)
    now = check_access_token(pair.access).user
    assert not now.has_perm("refresh_sessions.revoke_devicesession")
    names = {"role", "roles", "groups", "permissions", "scope", "is_staff", "is_superuser"}
    assert not names & set(parts(pair.access)[1])

"""Logout, and the sessions of the user."""

from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.renderers import JSONRenderer

from refresh_sessions.models import DeviceSession, TokenFamily
from refresh_sessions.rest_framework.serializers import SessionSerializer
from refresh_sessions.sessions import refresh_session, revoke_session
from refresh_sessions.sessions.queries import LISTED
from tests.api.client import problem
from tests.domain.client_actions import call, session_of
from tests.domain.test_many_sessions import collect
from tests.factories import UserFactory, make_pair

pytestmark = pytest.mark.django_db


class DerivedSerializer(SessionSerializer):
    """A serializer of a project, which uses the fields of REST framework."""


SOME_TIME = datetime(2027, 1, 1, 1, tzinfo=ZoneInfo("Asia/Kathmandu"))
SOME_ID = "5b55770e-b065-4732-9fd5-fa15efa17790"


class TestLogout:
    def test_logout_endpoint_with_refresh_token_revokes_session(self, api, pair):
        assert api.post("logout/", {"refresh": pair.refresh}).status_code == 204
        assert call(pair) == "session_revoked"
        assert session_of(pair).revoked_reason == "logout"

    def test_logout_endpoint_with_access_token_revokes_session(self, api, pair):
        assert api.post("logout/", access=pair.access).status_code == 204
        assert call(pair) == "session_revoked"

    @pytest.mark.parametrize("header", ["Bearer garbage", "Bearer", "Basic eDp5", "ä"])
    def test_logout_endpoint_prefers_refresh_token(self, api, pair, header):
        body, headers = {"refresh": pair.refresh}, {"authorization": header}
        assert api.post("logout/", body, headers=headers).status_code == 204
        assert call(pair) == "session_revoked"

    def test_logout_of_expired_or_deleted_session_is_204(self, api, pair, clock):
        clock.move(timedelta(days=8))
        assert api.post("logout/", {"refresh": pair.refresh}).status_code == 204
        DeviceSession.objects.all().delete()
        assert api.post("logout/", {"refresh": pair.refresh}).status_code == 204

    def test_logout_without_token_is_401(self, api, db):
        assert problem(api.post("logout/")) == (401, "not_authenticated")
        assert problem(api.post("logout/", {"refresh": ""})) == (401, "not_authenticated")

    def test_logout_with_malformed_token_is_401(self, api, db):
        assert problem(api.post("logout/", {"refresh": "a.b.c"})) == (401, "token_not_valid")
        assert problem(api.post("logout/", access="a.b.c")) == (401, "token_not_valid")

    def test_logout_takes_three_queries(self, api, pair):
        with CaptureQueriesContext(connection) as queries:
            api.post("logout/", {"refresh": pair.refresh})
        words = [query["sql"].split()[0] for query in queries]
        statements = [word for word in words if word not in {"SAVEPOINT", "RELEASE"}]
        assert statements == ["SELECT", "UPDATE", "INSERT"]


class TestList:
    def test_session_list_has_documented_fields(self, api, pair):
        (only,) = api.get("sessions/", access=pair.access).json()
        assert set(only) == {
            *("id", "name", "device", "kind", "ip_address", "place"),
            *("created_at", "last_used_at", "expires_at", "bound", "is_current"),
        }

    def test_session_list_has_current_first_then_last_used(self, api, user, clock):
        pairs = []
        for name in ("first", "second", "third", "fourth"):
            pairs.append(make_pair(user, name=name))
            clock.move(timedelta(seconds=1))
        make_pair(UserFactory())
        revoke_session(pairs[1].session, reason="user")
        listed = api.get("sessions/", access=pairs[0].access).json()
        assert [(item["name"], item["is_current"]) for item in listed] == [
            ("first", True),
            ("fourth", False),
            ("third", False),
        ]

    def test_session_list_has_last_use(self, api, pair, clock):
        clock.move(timedelta(hours=1))
        new = refresh_session(pair.refresh)
        clock.move(timedelta(minutes=1))
        (only,) = api.get("sessions/", access=new.access).json()
        assert only["last_used_at"] == clock.now.isoformat().replace("+00:00", "Z")

    def test_session_list_takes_three_queries(self, api, user, django_assert_num_queries):
        pairs = [make_pair(user) for _ in range(10)]
        with django_assert_num_queries(3):
            assert len(api.get("sessions/", access=pairs[0].access).json()) == 10


class TestSerializer:
    @pytest.mark.parametrize(
        ("device", "columns"),
        [
            ({}, {}),
            ({"REMOTE_ADDR": "2001:db8::1", "HTTP_USER_AGENT": "Shop/1.2 (iPhone)"}, {}),
            ({"REMOTE_ADDR": ""}, {"name": "Zoë 📱", "created_at": SOME_TIME}),
        ],
    )
    def test_session_representation_equals_that_of_fields(self, user, rf, device, columns):
        pair = make_pair(user, request=rf.get("/", **device))
        DeviceSession.objects.filter(pk=pair.session.pk).update(**columns)
        other = make_pair(user)
        sessions = [pair.session, *DeviceSession.objects.all()]
        for current in (pair.session.pk, other.session.pk, None):
            ours, of_fields = (
                JSONRenderer().render(
                    serializer(sessions, many=True, context={"current_session_id": current}).data
                )
                for serializer in (SessionSerializer, DerivedSerializer)
            )
            assert ours == of_fields


class TestOne:
    @pytest.fixture
    def path(self, pair):
        return f"sessions/{pair.session.pk}/"

    def test_session_endpoint_shows_session(self, api, pair, path):
        assert api.get(path, access=pair.access).json()["id"] == str(pair.session.pk)

    def test_session_endpoint_renames_session(self, api, pair, path):
        answer = api.patch(path, {"name": "Kitchen"}, access=pair.access)
        assert answer.status_code == 200
        assert answer.json()["name"] == "Kitchen"
        assert session_of(pair).name == "Kitchen"

    def test_rename_keeps_concurrent_revocation(self, pair):
        read_before = DeviceSession.objects.get()
        revoke_session(pair.session, reason="user")
        serializer = SessionSerializer(read_before, data={"name": "Kitchen"})
        serializer.is_valid(raise_exception=True)
        serializer.save()
        session = session_of(pair)
        assert (session.name, session.revoked_reason) == ("Kitchen", "user")
        assert session.revoked_at is not None

    def test_rename_ignores_other_fields(self, api, pair, path):
        before = DeviceSession.objects.values().get()
        forged = {"expires_at": "2099-01-01T00:00:00Z", "id": str(uuid4()), "ip_address": "::1"}
        api.patch(path, {"name": "Kitchen", **forged}, access=pair.access)
        renamed = {"name": "Kitchen", "name_folded": "kitchen"}
        assert DeviceSession.objects.values().get() == {**before, **renamed}

    @pytest.mark.parametrize(
        "body", [{}, {"name": None}, {"name": []}, {"name": "x" * 129}, {"name": "\x00"}, []]
    )
    def test_rename_with_invalid_name_is_400(self, api, pair, path, body):
        assert problem(api.patch(path, body, access=pair.access)) == (400, "invalid")

    def test_session_endpoint_revokes_session(self, api, pair, user, path):
        other = make_pair(user)
        assert api.delete(path, access=other.access).status_code == 204
        assert call(pair) == "session_revoked"
        assert call(other) == "ok"
        assert session_of(pair).revoked_reason == "user"
        assert session_of(pair).revoked_by == user

    def test_session_endpoint_revokes_own_session_as_logout(self, api, pair, path):
        assert api.delete(path, access=pair.access).status_code == 204
        assert session_of(pair).revoked_reason == "logout"

    @pytest.mark.parametrize("session_id", [SOME_ID, "1", "x", "%00", "ä", "x" * 500, "{}"])
    @pytest.mark.parametrize("method", ["get", "patch", "delete"])
    def test_malformed_session_id_is_404(self, api, pair, session_id, method):
        answer = api.request(method, f"sessions/{session_id}/", access=pair.access)
        assert problem(answer) == (404, "not_found")

    def test_ended_session_is_404(self, api, pair, user, path):
        other = make_pair(user)
        revoke_session(pair.session, reason="user")
        assert problem(api.delete(path, access=other.access)) == (404, "not_found")


class TestAll:
    def test_revoke_others_keeps_current_session(self, api, user):
        pairs = [make_pair(user) for _ in range(3)]
        answer = api.post("sessions/revoke-others/", access=pairs[0].access)
        assert (answer.status_code, answer.json()) == (200, {"revoked": 2})
        assert [call(pair) for pair in pairs] == ["ok", "session_revoked", "session_revoked"]


OWN = [
    ("get", "sessions/"),
    ("get", f"sessions/{SOME_ID}/"),
    ("patch", f"sessions/{SOME_ID}/"),
    ("delete", f"sessions/{SOME_ID}/"),
    ("post", "sessions/revoke-others/"),
    ("post", "sessions/revoke-all/"),
]


@pytest.mark.parametrize(("method", "path"), OWN)
class TestAccess:
    def test_session_endpoints_without_token_are_401(self, api, db, method, path):
        answer = api.request(method, path)
        assert problem(answer) == (401, "not_authenticated")
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'

    @pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "bearer a.b.c", "Bearer ä.ä.ä"])
    def test_session_endpoints_with_malformed_token_are_401(self, api, db, method, path, header):
        answer = api.request(method, path, headers={"authorization": header})
        assert problem(answer) == (401, "token_not_valid")

    def test_session_endpoints_with_expired_token_are_401(self, api, pair, clock, method, path):
        clock.move(timedelta(minutes=16))
        answer = api.request(method, path, access=pair.access)
        assert problem(answer) == (401, "token_not_valid/token_expired")
        assert 'error="invalid_token"' in answer["WWW-Authenticate"]

    def test_session_endpoints_with_refresh_token_are_401(self, api, pair, method, path):
        answer = api.request(method, path, access=pair.refresh)
        assert problem(answer) == (401, "token_not_valid")

    def test_session_endpoints_of_revoked_session_are_401(self, api, pair, method, path):
        revoke_session(pair.session, reason="admin")
        answer = api.request(method, path, access=pair.access)
        assert problem(answer) == (401, "session_revoked")

    def test_session_endpoints_of_revoked_session_with_stateless_check_are_401(
        self, api, pair, options, method, path
    ):
        options(ACCESS_TOKEN_CHECK="stateless")
        revoke_session(pair.session, reason="admin")
        answer = api.request(method, path, access=pair.access)
        assert problem(answer) == (401, "session_revoked")


class TestManySessions:
    @pytest.fixture
    def many(self, user, options):
        options(MAX_SESSIONS_PER_USER=None)
        pair = make_pair(user, name="Here")
        oldest = collect(user, LISTED + 60)[0]
        return pair, oldest

    def test_list_of_very_many_sessions_has_last_used(self, api, many):
        pair, oldest = many
        now = timezone.now()
        TokenFamily.objects.filter(session=oldest).update(rotated_at=now)
        # The current session has the oldest last use.
        DeviceSession.objects.filter(pk=pair.session.pk).update(
            created_at=now - timedelta(days=2), name="Here"
        )
        TokenFamily.objects.filter(session=pair.session).update(
            rotated_at=None, delivered_at=now - timedelta(days=2)
        )
        listed = api.get("sessions/", access=pair.access).json()
        assert len(listed) == LISTED
        assert listed[0]["is_current"]
        assert listed[1]["id"] == str(oldest.pk)
        used = [item["last_used_at"] for item in listed[1:]]
        assert used == sorted(used, reverse=True)

    def test_session_beyond_the_list_can_be_revoked(self, api, many):
        pair, oldest = many
        path = f"sessions/{oldest.pk}/"
        assert api.get(path, access=pair.access).status_code == 200
        answer = api.post("sessions/revoke-others/", access=pair.access)
        assert answer.json() == {"revoked": LISTED + 60}

"""Names that a column cannot hold are names that nobody has, wherever they are typed."""

from datetime import date
from decimal import Decimal
from io import StringIO
from unittest import mock
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.signals import user_login_failed
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.identity import authenticate
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import check_access_token, refresh_session
from tests.api.client import Client, problem
from tests.factories import PASSWORD
from tests.listeners import heard

pytestmark = pytest.mark.django_db

VALUES = {
    "badge": 4711,
    "desk": 12,
    "code": UUID("5b55770e-b065-4732-9fd5-fa15efa17790"),
    "rank": Decimal("7.50"),
    "address": "192.0.2.7",
    "hired": date(2026, 1, 31),
    "nickname": "ada",
}
UNFIT = [
    *("abc", "0x1", "\u00b2\u00b2", "9" * 400, "9" * 4096, str(2**63), str(-(2**63) - 1)),
    *("\u200b", "\u3164", "-", "1.5.2", "1e5", "1e400000", "nan", "sNaN", "Infinity", "0.001"),
    *("::zz", "192.0.2.300", "2026-02-30", "99999-01-01", "{}", "[]", "None", "1_0_", "\u0660x"),
    *("5b55770e-b065-4732-9fd5-fa15efa1779", "urn:uuid:", "' OR 1=1 --"),
]
every_field = pytest.mark.parametrize("field", VALUES)
every_name = pytest.mark.parametrize("name", UNFIT, ids=lambda name: ascii(name)[:20])


class Strict(ModelBackend):
    """A backend of the project's, which asks Django's and writes to the database."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        return super().authenticate(request, username=username, password=password, **kwargs)


@pytest.fixture
def user():
    return get_user_model().objects.create_user(PASSWORD, **VALUES)


@pytest.fixture
def api():
    return Client()


@pytest.fixture
def by(monkeypatch):
    """Have people log in by one of the columns."""

    def use(field):
        monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", field)

    return use


@pytest.fixture
def unlimited(settings):
    rates = {"session-login": None, "session-login-address": None}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}


def log_in(api, name, password="wrong"):
    return api.post("login/", {"username": name, "password": password})


def hashes():
    return mock.patch.object(
        MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
    )


@every_field
def test_value_of_the_column_logs_in(api, user, by, field):
    by(field)
    assert log_in(api, str(VALUES[field]), PASSWORD).status_code == 200


@pytest.mark.parametrize(
    "backend", ["django.contrib.auth.backends.ModelBackend", f"{__name__}.Strict"]
)
@every_field
def test_unfit_names_are_answered_as_a_wrong_password(
    api, user, by, field, backend, unlimited, settings
):
    by(field)
    settings.AUTHENTICATION_BACKENDS = [backend]
    wrong = log_in(api, str(VALUES[field]))
    assert problem(wrong) == (401, "no_active_account")
    for name in UNFIT:
        with hashes() as encode, heard(user_login_failed) as failed:
            answer = log_in(api, name)
        assert (answer.status_code, answer.content) == (401, wrong.content), name
        assert encode.call_count == 1, name
        assert len(failed) == 1, name
        # The transaction around this test is as usable as before.
        assert not DeviceSession.objects.exists()


@every_field
@pytest.mark.parametrize("name", ["a\0b", "\0", "1\x002"])
def test_nul_in_a_name_that_a_serializer_lets_through_is_nobodys(user, by, field, name):
    by(field)
    with hashes() as encode, transaction.atomic():
        assert authenticate(None, username=name, password="x") is None
        assert get_user_model().objects.count() == 1
    assert encode.call_count == 1


@every_field
@pytest.mark.parametrize("name", [7.5, True, None, [], {}, -1, 10**400, b"x"])
def test_name_that_is_no_text_is_no_error(user, by, field, name):
    by(field)
    assert authenticate(None, username=name, password="wrong") is None


@pytest.mark.django_db(transaction=True)
@every_field
def test_unfit_names_outside_of_a_transaction_open_none(user, by, field):
    by(field)
    for name in UNFIT:
        assert authenticate(None, username=name, password="x") is None
        assert not connection.in_atomic_block


@every_field
@pytest.mark.parametrize("name", ["abc", "9" * 400])
def test_unfit_names_use_up_the_same_rate(api, user, by, field, name):
    by(field)
    answers = [log_in(api, name).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429]


def test_error_of_a_backend_about_a_name_that_fits_passes_through(user, monkeypatch):
    monkeypatch.setattr(ModelBackend, "authenticate", lambda *args, **more: int("of the backend"))
    with pytest.raises(ValueError, match="of the backend"):
        authenticate(None, username="1", password="x")


def test_row_older_than_a_validator_of_its_column_still_logs_in(api, user, by, monkeypatch):
    def refuse(value):
        raise AssertionError(value)

    by("badge")
    field = get_user_model()._meta.get_field("badge")
    monkeypatch.setattr(field, "_validators", [_above_all])
    monkeypatch.delitem(field.__dict__, "validators", raising=False)
    assert log_in(api, "4711", PASSWORD).status_code == 200


def _above_all(value):
    from django.core.exceptions import ValidationError  # noqa: PLC0415

    raise ValidationError("Too small.")


@every_field
def test_step_up_works_with_any_type_of_name(api, user, by, field):
    by(field)
    access = log_in(api, str(VALUES[field]), PASSWORD).json()["access"]
    assert api.post("reauthenticate/", {"password": PASSWORD}, access=access).status_code == 200
    wrong = api.post("reauthenticate/", {"password": "wrong"}, access=access)
    assert problem(wrong) == (401, "reauthentication_failed")


class TestCommands:
    @every_field
    def test_user_is_found_by_the_value_of_the_column(self, api, user, by, field):
        by(field)
        log_in(api, str(VALUES[field]), PASSWORD)
        out = StringIO()
        call_command("export_session_events", user=str(VALUES[field]), stdout=out, verbosity=0)
        assert str(DeviceSession.objects.get().pk) in out.getvalue()
        call_command("revoke_refresh_sessions", users=[str(VALUES[field])], stdout=StringIO())
        assert DeviceSession.objects.get().revoked_at is not None

    @every_field
    def test_unfit_name_is_no_user(self, user, by, field):
        by(field)
        for name in [*UNFIT, "a\0b", 10**400, -1, 8.5, [], object()]:
            # Some of them are a number, and each number may be a key.
            for command, options in (
                ("revoke_refresh_sessions", {"users": [name]}),
                ("export_session_events", {"user": name}),
            ):
                with pytest.raises(CommandError, match="There is no user"):
                    call_command(command, **options, stdout=StringIO())
        assert get_user_model().objects.count() == 1


class TestSubject:
    """Tokens from before ``USER_ID_FIELD`` was changed bear what the new column cannot hold."""

    @pytest.mark.parametrize("check", ["session", "cache", "stateless"])
    @pytest.mark.parametrize("field", ["pk", *VALUES])
    @pytest.mark.parametrize("subject", ["abc", "9" * 40, "nan", "1.5.2"])
    def test_unfit_subject_is_an_invalid_token(self, api, by, options, field, subject, check):
        by("nickname")
        get_user_model().objects.create_user(PASSWORD, **VALUES | {"nickname": subject})
        options(USER_ID_FIELD="nickname", ACCESS_TOKEN_CHECK=check)
        body = log_in(api, subject, PASSWORD).json()
        assert check_access_token(body["access"]).user.nickname == subject
        if field == "nickname":
            return
        options(USER_ID_FIELD=field)
        with pytest.raises(InvalidTokenError):
            check_access_token(body["access"]).user.nickname  # noqa: B018
        assert problem(api.get("sessions/", access=body["access"])) == (401, "token_not_valid")
        # The refresh token has no subject.
        options(USER_ID_FIELD="nickname")
        assert refresh_session(body["refresh"]).refresh

    @pytest.mark.parametrize("field", VALUES)
    def test_value_of_any_column_is_a_subject(self, api, user, by, options, field):
        options(USER_ID_FIELD=field, ACCESS_TOKEN_CHECK="stateless")
        by(field)
        access = log_in(api, str(VALUES[field]), PASSWORD).json()["access"]
        assert check_access_token(access).user == user


class TestAdmin:
    @every_field
    def test_search_and_filters_take_any_text(self, api, user_client, by, field):
        by(field)
        log_in(api, str(VALUES[field]), PASSWORD)
        sessions = reverse("admin:refresh_sessions_devicesession_changelist")
        events = reverse("admin:refresh_sessions_sessionevent_changelist")
        for name in [*UNFIT[::3], "a\0b"]:
            for address in (sessions, events):
                assert user_client.get(address, {"q": name}).status_code == 200, name
            # Lists are narrowed by no NUL at all.
            expected = 400 if "\0" in name else 200
            assert user_client.get(events, {"user": name}).status_code == expected, name
            assert user_client.get(sessions, {"user__exact": name}).status_code in {
                200,
                302,
                400,
            }
        # An address is searched for among those of sessions, and SQLite writes 7.50 as 7.5.
        if field not in {"address", "rank"}:
            found = user_client.get(sessions, {"q": str(VALUES[field])})
            assert found.context["cl"].result_count == 1

    @pytest.mark.parametrize("key", ["abc", "9" * 400, "a\0b", "-1", "1.5"])
    def test_button_of_an_unfit_user_is_not_found(self, user_client, key):
        address = reverse("admin:refresh_sessions_devicesession_sign_out", args=[key])
        assert user_client.get(address).status_code == 404

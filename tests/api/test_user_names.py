"""Usernames in another Unicode form than the stored one."""

from __future__ import annotations

import unicodedata

import pytest
from django.contrib.auth import get_user_model

from refresh_sessions.lookups import canonical_username
from tests.api.client import problem
from tests.domain.client_actions import session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.management.calling import revoke

pytestmark = pytest.mark.django_db

STORED = "jos\u00e9@example.org"
FORMS = {
    "decomposed": unicodedata.normalize("NFD", STORED),
    "full width": "\uff4a\uff4f\uff53\u00e9\uff20example.org",
    "bold": "\U0001d423os\u00e9@example.org",
}
every_form = pytest.mark.parametrize("name", FORMS.values(), ids=FORMS)


@pytest.fixture
def jose():
    return UserFactory.create(username=STORED)


def log_in(api, name, password=PASSWORD, **options):
    return api.post("login/", {"username": name, "password": password}, **options)


@every_form
def test_username_in_another_unicode_form_logs_in(api, jose, name):
    assert log_in(api, name).status_code == 200


@every_form
def test_username_in_another_unicode_form_shares_throttle(api, jose, name):
    assert [log_in(api, STORED, "wrong").status_code for _ in range(5)] == [401] * 5
    assert log_in(api, name).status_code == 429


def test_unknown_username_forms_share_throttle(api, db):
    forms = [STORED, *FORMS.values(), STORED]
    assert [log_in(api, name).status_code for name in forms] == [401] * 5
    assert log_in(api, STORED).status_code == 429


@every_form
def test_command_revokes_by_username_in_another_unicode_form(jose, name):
    pair = make_pair(jose)
    assert revoke("--user", name).startswith("Revoked 1 session of ")
    assert session_of(pair).revoked_at is not None


class TestStoredInAnotherForm:
    """A username that an import stored without Django's forms."""

    @pytest.fixture
    def jose(self, jose):
        name = {jose.USERNAME_FIELD: FORMS["decomposed"]}
        type(jose).objects.filter(pk=jose.pk).update(**name)
        jose.refresh_from_db()
        return jose

    def test_user_stored_in_another_unicode_form_can_reauthenticate(self, api, jose):
        pair = make_pair(jose)
        answer = api.post("reauthenticate/", {"password": PASSWORD}, access=pair.access)
        assert answer.status_code == 200

    def test_command_revokes_by_stored_unicode_form(self, jose):
        make_pair(jose)
        assert revoke("--user", FORMS["decomposed"]).startswith("Revoked 1 session of ")


def test_hint_recognizes_full_width_email_address(api, settings):
    settings.DEBUG = True
    answer = api.raw.post(
        "/auth/login/", {"username": "ada\uff20example.org", "password": "x"}, format="json"
    )
    by_email = get_user_model().USERNAME_FIELD == "email"
    assert ("hint" in answer.json()) is not by_email


class TestCanonicalUsername:
    def test_canonical_username_longer_than_column_is_unchanged(self):
        longest = get_user_model()._meta.get_field(get_user_model().USERNAME_FIELD).max_length
        assert canonical_username("\uff41" * longest) == "a" * longest
        assert canonical_username("\uff41" * (longest + 1)) == "\uff41" * (longest + 1)

    def test_canonical_username_without_column_limit_is_normalized_to_254(self, monkeypatch):
        monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "last_login")
        assert canonical_username("\uff11" * 254) == "1" * 254
        assert canonical_username("\uff11" * 255) == "\uff11" * 255

    @pytest.mark.parametrize("name", [7, None, True, ["a"]])
    def test_canonical_username_of_other_type_is_unchanged(self, name):
        assert canonical_username(name) is name


def test_wrong_password_for_username_in_another_form_is_401(api, jose):
    answers = [log_in(api, name, "wrong") for name in (STORED, FORMS["decomposed"])]
    assert {problem(answer) for answer in answers} == {(401, "no_active_account")}

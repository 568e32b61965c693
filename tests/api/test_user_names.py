"""User names in other forms of Unicode than the stored one."""

from __future__ import annotations

import unicodedata

import pytest
from django.contrib.auth import get_user_model

from refresh_sessions.lookups import canonical_username
from tests.api.client import problem
from tests.domain.stories import session_of
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
def test_name_in_another_form_logs_in(api, jose, name):
    assert log_in(api, name).status_code == 200


@every_form
def test_name_in_another_form_uses_up_the_same_rate(api, jose, name):
    assert [log_in(api, STORED, "wrong").status_code for _ in range(5)] == [401] * 5
    assert log_in(api, name).status_code == 429


def test_unknown_names_in_several_forms_use_up_one_rate(api, db):
    forms = [STORED, *FORMS.values(), STORED]
    assert [log_in(api, name).status_code for name in forms] == [401] * 5
    assert log_in(api, STORED).status_code == 429


@every_form
def test_sessions_are_revoked_by_a_name_in_another_form(jose, name):
    pair = make_pair(jose)
    assert revoke("--user", name).startswith("Revoked 1 session of ")
    assert session_of(pair).revoked_at is not None


class TestStoredInAnotherForm:
    """Such as by an import that went past Django's forms."""

    @pytest.fixture
    def jose(self, jose):
        name = {jose.USERNAME_FIELD: FORMS["decomposed"]}
        type(jose).objects.filter(pk=jose.pk).update(**name)
        jose.refresh_from_db()
        return jose

    def test_person_with_a_session_can_prove_identity(self, api, jose):
        pair = make_pair(jose)
        answer = api.post("reauthenticate/", {"password": PASSWORD}, access=pair.access)
        assert answer.status_code == 200

    def test_sessions_are_revoked_by_the_stored_name(self, jose):
        make_pair(jose)
        assert revoke("--user", FORMS["decomposed"]).startswith("Revoked 1 session of ")


def test_hint_reads_a_full_width_email_address_as_one(api, settings):
    settings.DEBUG = True
    answer = api.raw.post(
        "/auth/login/", {"username": "ada\uff20example.org", "password": "x"}, format="json"
    )
    by_email = get_user_model().USERNAME_FIELD == "email"
    assert ("hint" in answer.json()) is not by_email


class TestCanonicalUsername:
    def test_name_longer_than_the_column_stays_as_it_is(self):
        longest = get_user_model()._meta.get_field(get_user_model().USERNAME_FIELD).max_length
        assert canonical_username("\uff41" * longest) == "a" * longest
        assert canonical_username("\uff41" * (longest + 1)) == "\uff41" * (longest + 1)

    def test_name_for_a_column_without_a_limit_is_normalized_up_to_254(self, monkeypatch):
        monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "last_login")
        assert canonical_username("\uff11" * 254) == "1" * 254
        assert canonical_username("\uff11" * 255) == "\uff11" * 255

    @pytest.mark.parametrize("name", [7, None, True, ["a"]])
    def test_name_that_is_no_text_stays_as_it_is(self, name):
        assert canonical_username(name) is name


def test_wrong_password_in_another_form_is_answered_as_in_the_stored_form(api, jose):
    answers = [log_in(api, name, "wrong") for name in (STORED, FORMS["decomposed"])]
    assert {problem(answer) for answer in answers} == {(401, "no_active_account")}

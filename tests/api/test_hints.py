"""Hints in errors: the missing field, and with DEBUG the likely mistake."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from rest_framework.permissions import IsAuthenticated
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView, exception_handler

from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from tests.api.client import problem
from tests.factories import PASSWORD, make_pair

SECRET = "a-secret-that-no-answer-may-repeat"
NOT_AUTHENTICATED = (401, "not_authenticated")
INVALID = (401, "token_not_valid")
WRITE = "write 'Authorization: Bearer <access token>'"


@pytest.fixture
def debug(settings):
    settings.DEBUG = True


@pytest.fixture
def me(api):
    """Call a view of the project with this header."""

    def call(header):
        return api.raw.get("/who-am-i/", headers={"authorization": header})

    return call


@pytest.mark.django_db
class TestMissingField:
    @pytest.mark.parametrize("path", ["refresh/", "refresh-token/", "logout/"])
    @pytest.mark.parametrize(
        "body", [{"token": SECRET}, {"refresh_token": SECRET}, {"refresh": ""}, {}, None]
    )
    def test_missing_field_is_named_at_refresh(self, api, path, body):
        answer = api.post(path, body)
        assert problem(answer) == NOT_AUTHENTICATED
        assert answer.json()["detail"] == 'Missing field "refresh".'
        assert SECRET not in answer.content.decode()

    def test_missing_field_has_name_of_settings(self, api, options):
        options(FIELD_NAMES={"refresh": "refreshToken"})
        answer = api.post("refresh/", {"refresh": SECRET})
        assert answer.json()["detail"] == 'Missing field "refreshToken".'

    def test_missing_cookie_is_named_with_cookie_transport(self, api, options):
        options(TRANSPORT="cookie")
        answer = api.post("refresh/", {"refresh": SECRET})
        assert problem(answer) == NOT_AUTHENTICATED
        assert answer.json()["detail"] == 'Missing cookie "__Host-refresh_token".'

    def test_missing_field_text_is_in_language_of_request(self, api):
        answer = api.post("refresh/", {}, headers={"accept-language": "es"})
        assert answer.json()["detail"] == "Falta el campo “refresh”."


@pytest.mark.django_db
class TestContentType:
    @pytest.mark.parametrize("path", ["login/", "refresh/", "logout/", "revoke/"])
    def test_unsupported_content_type_has_hint_to_send_json(self, api, path):
        answer = api.raw.generic("POST", f"/auth/{path}", SECRET, content_type="text/x-secret")
        assert problem(answer) == (415, "unsupported_media_type")
        assert "Content-Type: application/json" in answer.json()["detail"]
        assert "secret" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("debug")
class TestHeader:
    @pytest.mark.parametrize("path", ["/who-am-i/", "/auth/sessions/"])
    def test_refresh_token_as_bearer_has_hint(self, api, pair, path):
        answer = api.raw.get(path, headers={"authorization": f"Bearer {pair.refresh}"})
        assert problem(answer) == INVALID
        assert "This is a refresh token" in answer.json()["hint"]
        assert 'field "refresh"' in answer.json()["hint"]

    @pytest.mark.parametrize("path", ["/who-am-i/", "/auth/sessions/"])
    def test_token_without_scheme_has_hint(self, api, pair, path):
        answer = api.raw.get(path, headers={"authorization": pair.access})
        assert problem(answer) == NOT_AUTHENTICATED
        assert answer.json()["hint"] == f"The token has no scheme: {WRITE}."

    @pytest.mark.parametrize("scheme", ["JWT", "Token", "jwt", "TOKEN", "Basic"])
    @pytest.mark.parametrize("path", ["/who-am-i/", "/auth/sessions/"])
    def test_scheme_of_another_package_has_hint(self, api, pair, path, scheme):
        answer = api.raw.get(path, headers={"authorization": f"{scheme} {pair.access}"})
        assert problem(answer) == NOT_AUTHENTICATED
        name = {"jwt": "JWT", "token": "Token", "basic": "Basic"}[scheme.lower()]
        assert answer.json()["hint"] == f"The scheme is 'Bearer', not '{name}': {WRITE}."

    def test_unknown_scheme_is_not_repeated_in_hint(self, me, pair):
        hint = me(f"{SECRET} {pair.access}").json()["hint"]
        assert hint == f"The scheme is 'Bearer': {WRITE}."

    @pytest.mark.parametrize(
        ("header", "hint"),
        [
            ("Bearer", "one token"),
            ("Bearer Bearer {}", "one token"),
            ("Bearer {} {}", "one token"),
            ("Bearer undefined", "empty variable"),
            ("Bearer null", "empty variable"),
            ('Bearer "{}"', "quotes"),
            ("Bearer <{}>", "quotes"),
            ("Bearer {},", "quotes"),
        ],
    )
    def test_malformed_header_has_hint(self, me, pair, header, hint):
        answer = me(header.replace("{}", pair.access))
        assert problem(answer) == INVALID
        assert hint in answer.json()["hint"]
        assert pair.access not in answer.content.decode()

    @pytest.mark.parametrize(
        "header", ["Bearer x", "Bearer a.b.c", "Bearer eyJ0eXAiOjd9.e30.c2ln"]
    )
    def test_unrecognizable_token_has_no_hint(self, me, header):
        assert set(me(header).json()) == {"detail", "code"}

    def test_expired_token_has_no_hint(self, me, clock, user):
        pair = make_pair(user)
        clock.move(timedelta(minutes=16))
        answer = me(f"Bearer {pair.access}")
        assert problem(answer) == (401, "token_not_valid/token_expired")
        assert "hint" not in answer.json()

    def test_request_without_header_has_no_hint(self, api):
        assert set(api.raw.get("/who-am-i/").json()) == {"detail", "code"}

    def test_access_token_at_refresh_has_hint(self, api, pair):
        answer = api.raw.post("/auth/refresh/", {"refresh": pair.access}, format="json")
        assert problem(answer) == INVALID
        assert "This is an access token" in answer.json()["hint"]

    def test_forged_refresh_token_has_no_hint(self, api, pair):
        for token in (f"{pair.refresh}x", "x", "a.b.c"):
            answer = api.raw.post("/auth/refresh/", {"refresh": token}, format="json")
            assert problem(answer) == INVALID
            assert "hint" not in answer.json()

    def test_bearer_header_at_refresh_has_hint(self, api, pair):
        headers = {"authorization": f"Bearer {pair.refresh}"}
        answer = api.raw.post("/auth/refresh/", {}, format="json", headers=headers)
        assert problem(answer) == NOT_AUTHENTICATED
        assert answer.json()["hint"] == "This endpoint does not read the Authorization header."

    def test_default_exception_handler_shows_token_hint(self, pair):
        class Me(APIView):
            authentication_classes = (AccessTokenAuthentication,)
            permission_classes = (IsAuthenticated,)

            def get_exception_handler(self):
                return exception_handler

        headers = {"authorization": f"Bearer {pair.refresh}"}
        answer = Me.as_view()(APIRequestFactory().get("/", headers=headers))
        assert answer.status_code == 401
        assert "This is a refresh token" in answer.data["hint"]

    def test_view_with_other_authentication_has_no_hint(self, pair):
        class Me(APIView):
            authentication_classes = ()
            permission_classes = (IsAuthenticated,)

        answer = Me.as_view()(APIRequestFactory().get("/", headers={"authorization": "JWT x.y.z"}))
        assert answer.status_code in {401, 403}
        assert "hint" not in answer.data


@pytest.mark.django_db
@pytest.mark.usefixtures("debug")
class TestCredentials:
    """Hints about the username field, for user models with a name or an email address."""

    @pytest.fixture
    def by_email(self):
        return get_user_model().USERNAME_FIELD == "email"

    @pytest.fixture
    def try_to_log_in(self, api):
        return lambda body: api.raw.post("/auth/login/", body, format="json")

    def test_username_of_wrong_kind_has_hint_with_username_field(self, try_to_log_in, by_email):
        name = SECRET if by_email else f"{SECRET}@example.org"
        answer = try_to_log_in({"username": name, "password": PASSWORD})
        assert problem(answer) == (401, "no_active_account")
        hint = answer.json()["hint"]
        assert f'the field "{get_user_model().USERNAME_FIELD}" of the user model' in hint
        assert ("not an email address" in hint) is by_email
        assert SECRET not in answer.content.decode()

    def test_username_of_right_kind_has_no_hint(self, try_to_log_in, by_email):
        name = f"{SECRET}@example.org" if by_email else SECRET
        answer = try_to_log_in({"username": name, "password": PASSWORD})
        assert problem(answer) == (401, "no_active_account")
        assert "hint" not in answer.json()

    def test_email_in_its_own_field_has_hint_with_right_field(self, try_to_log_in):
        answer = try_to_log_in({"email": SECRET, "password": PASSWORD})
        assert problem(answer) == (400, "invalid")
        assert 'in the field "username"' in answer.json()["hint"]
        assert "FIELD_NAMES" in answer.json()["hint"]
        assert SECRET not in answer.content.decode()

    def test_username_under_default_field_has_hint_with_renamed_field(
        self, try_to_log_in, options
    ):
        options(FIELD_NAMES={"username": "email"})
        answer = try_to_log_in({"username": SECRET, "password": PASSWORD})
        assert 'in the field "email"' in answer.json()["hint"]

    @pytest.mark.parametrize(
        "body", [{}, {"password": "x"}, {"username": 7}, {"username": "x"}, [], "x", None]
    )
    def test_other_invalid_login_body_has_no_hint(self, try_to_log_in, body):
        answer = try_to_log_in(body)
        assert problem(answer) == (400, "invalid")
        assert "hint" not in answer.json()


@pytest.mark.django_db
@pytest.mark.usefixtures("debug")
def test_cross_site_request_has_hint_about_trusted_origins(api, options):
    options(TRANSPORT="cookie")
    headers = {"sec-fetch-site": "cross-site", "origin": "https://front.example"}
    answer = api.raw.post("/auth/refresh/", {}, format="json", headers=headers)
    assert problem(answer) == (403, "csrf_failed")
    assert "CSRF_TRUSTED_ORIGINS" in answer.json()["hint"]


@pytest.mark.django_db
class TestWithoutDebug:
    def test_answers_without_debug_have_no_hint(self, api, pair, me, options):
        answers = [
            me(f"Bearer {pair.refresh}"),
            me(pair.access),
            me(f"JWT {pair.access}"),
            me("Bearer undefined"),
            api.post("refresh/", {"refresh": pair.access}),
            api.post("login/", {"username": "a@b.example", "password": "x"}),
            api.post("login/", {"username": "nobody", "password": "x"}),
            api.post("login/", {"email": "a@b.example", "password": "x"}),
        ]
        options(TRANSPORT="cookie")
        answers.append(api.post("refresh/", headers={"sec-fetch-site": "cross-site"}))
        for answer in answers:
            assert answer.status_code >= 400
            assert "hint" not in answer.json()

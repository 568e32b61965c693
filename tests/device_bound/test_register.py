"""``device/register/``: a browser binds its session to a key after a login."""

from datetime import timedelta

import pytest

from refresh_sessions.models import TokenFamily
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.api.client import problem
from tests.device_bound.browser import (
    BOUND_COOKIE,
    REFRESH_COOKIE,
    Browser,
    has_cookie,
    is_deleted,
    make_proof,
    public_jwk,
    read_registration,
)
from tests.domain.client_actions import AFTER_OVERLAP
from tests.factories import PASSWORD
from tests.factors import CODE

pytestmark = pytest.mark.django_db

HEADER = "Secure-Session-Registration"


class TestOffer:
    def test_login_offers_registration(self, credentials):
        answer = Browser().post("login/", credentials)
        assert read_registration(answer[HEADER])["path"] == "/auth/device/register/"
        assert answer.json()["session"]["bound"] is None

    def test_reauthentication_of_unbound_session_offers_registration(self, browser):
        answer = browser.post("reauthenticate/", {"password": PASSWORD}, access=browser.access)
        assert HEADER in answer
        assert browser.register().status_code == 200

    def test_second_step_of_login_offers_registration(self, ada, options):
        options(SECOND_FACTORS=("tests.factors.Code",))
        browser = Browser()
        credentials = {"username": ada.get_username(), "password": PASSWORD}
        first = browser.post("login/", credentials)
        assert HEADER not in first
        ticket = first.json()["ticket"]
        answer = browser.post("login/verify/", {"ticket": ticket, "code": CODE})
        assert answer.status_code == 200, answer.json()
        assert browser.register().status_code == 200

    @pytest.mark.parametrize(
        "changed", [{"DEVICE_BOUND_SESSIONS": False}, {"TRANSPORT": "body"}], ids=repr
    )
    def test_login_without_feature_offers_nothing(self, credentials, options, changed):
        options(**changed)
        assert HEADER not in Browser().post("login/", credentials)

    def test_login_without_cryptography_offers_nothing(self, credentials, monkeypatch):
        monkeypatch.setattr("refresh_sessions.binding.dbsc.has_cryptography", lambda: False)
        assert HEADER not in Browser().post("login/", credentials)

    def test_refresh_and_bound_session_offer_nothing(self, bound):
        assert HEADER not in bound.post("refresh/")
        answer = bound.post("reauthenticate/", {"password": PASSWORD}, access=bound.access)
        assert answer.status_code == 200
        assert HEADER not in answer

    def test_login_deletes_bound_cookie_of_earlier_session(self, bound, credentials):
        assert is_deleted(bound.post("login/", credentials))


class TestRegistration:
    @pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
    @pytest.mark.parametrize("by", ["refresh/", "device/refresh/"])
    def test_registered_key_binds_family_once_it_is_shown(self, credentials, algorithm, by):
        browser = Browser(algorithm)
        browser.log_in(credentials)
        assert browser.register().status_code == 200
        family = TokenFamily.objects.get()
        assert (family.binding, len(family.key_thumbprint)) == ("", 43)
        assert public_jwk(algorithm)["kty"] in family.public_key
        answer = browser.post("refresh/") if by == "refresh/" else browser.renew()
        assert answer.status_code == 200
        session = browser.http.get("sessions/", access=browser.access, secure=True).json()[0]
        assert session["bound"] == "dbsc"

    def test_browser_that_lost_the_answer_to_its_registration_goes_on_unbound(
        self, browser, clock
    ):
        """It has no session for the key, so it never renews a bound cookie."""
        browser.register()
        del browser.cookies[BOUND_COOKIE]
        for _ in range(3):
            clock.move(AFTER_OVERLAP)
            assert browser.post("refresh/").status_code == 200
        assert TokenFamily.objects.get().binding == ""

    def test_copy_from_before_the_key_was_shown_is_useless_after_it(self, browser, clock):
        browser.register()
        copy = browser.copy_cookies(REFRESH_COOKIE)
        assert browser.post("refresh/").status_code == 200
        clock.move(AFTER_OVERLAP)
        assert problem(copy.post("refresh/")) == (401, "device_proof_required")
        assert browser.post("refresh/").status_code == 200

    def test_answer_has_session_instructions(self, browser):
        answer = browser.register()
        body = answer.json()
        assert body["session_identifier"] == str(TokenFamily.objects.get().pk)
        assert body["refresh_url"] == "/auth/device/refresh/"
        assert body["credentials"] == [
            {
                "type": "cookie",
                "name": BOUND_COOKIE,
                "attributes": "Path=/; Secure; HttpOnly; SameSite=Strict",
            }
        ]
        scope = body["scope"]
        assert scope["include_site"] is False
        first, *others = scope["scope_specification"]
        assert first == {"type": "exclude", "domain": "*", "path": "/"}
        assert {rule["type"] for rule in others} == {"include"}
        assert [rule["path"] for rule in others] == [
            *("/auth/login/", "/auth/refresh/", "/auth/refresh-token/"),
            *("/auth/logout/", "/auth/reauthenticate/"),
        ]

    def test_instructions_contain_paths_and_origins_of_project(self, browser, options, settings):
        options(BOUND_COOKIE_PATHS=("/account/password/",))
        settings.CSRF_TRUSTED_ORIGINS = ["https://app.example.com:8443", "https://*.example.org"]
        body = browser.register().json()
        assert body["scope"]["scope_specification"][-1]["path"] == "/account/password/"
        assert body["allowed_refresh_initiators"] == ["app.example.com", "*.example.org"]

    def test_bound_cookie_has_attributes_of_instructions(self, browser):
        cookie = browser.register().cookies[BOUND_COOKIE]
        assert (cookie["path"], cookie["samesite"], cookie["max-age"]) == ("/", "Strict", 600)
        assert cookie["secure"]
        assert cookie["httponly"]
        assert not cookie["domain"]

    def test_bound_cookie_over_http_has_plain_name(self, credentials):
        browser = Browser()
        answer = browser.http.post("login/", credentials)
        challenge = read_registration(answer[HEADER])["challenge"]
        proof = make_proof(challenge)
        headers = {"Secure-Session-Response": proof}
        answer = browser.http.post("device/register/", headers=headers)
        cookie = answer.cookies["device_bound"]
        assert not cookie["secure"]
        assert answer.json()["credentials"][0]["attributes"] == "Path=/; HttpOnly; SameSite=Lax"
        assert browser.http.post("refresh/").status_code == 200

    def test_same_proof_repeated_gets_same_answer(self, browser):
        """The answer to the first request may be lost."""
        proof = browser.make_proof(browser.challenge)
        first, second = browser.register(proof), browser.register(proof)
        assert first.json() == second.json()
        assert has_cookie(second)

    def test_registration_beside_first_refresh_binds_family(self, browser, clock):
        old = browser.cookies[REFRESH_COOKIE].value
        assert browser.post("refresh/").status_code == 200
        clock.move(AFTER_OVERLAP)
        browser.post("refresh/")
        newest = browser.cookies[REFRESH_COOKIE].value
        assert newest != old
        assert browser.register().status_code == 200

    def test_registration_needs_two_queries(self, browser, django_assert_num_queries):
        with django_assert_num_queries(2):
            assert browser.register().status_code == 200

    def test_refused_proof_needs_no_query(self, browser, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert browser.register("x.y.z").status_code == 403

    def test_registration_forbids_embedding(self, browser):
        answer = browser.register()
        assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer["X-Frame-Options"] == "DENY"

    def test_registration_of_another_site_is_refused(self, browser):
        headers = {"Origin": "https://attacker.example", "Secure-Session-Response": "x"}
        answer = browser.post("device/register/", headers=headers)
        assert problem(answer) == (403, "csrf_failed")

    @pytest.mark.parametrize(
        "changed", [{"DEVICE_BOUND_SESSIONS": False}, {"TRANSPORT": "body"}], ids=repr
    )
    def test_registration_without_feature_is_not_found(self, browser, options, changed):
        options(**changed)
        assert problem(browser.register()) == (404, "not_found")


class TestRefusedTokens:
    """The refresh cookie of a registration must be usable; it is never used up."""

    def test_registration_without_refresh_cookie_is_refused(self, browser):
        del browser.cookies[REFRESH_COOKIE]
        assert problem(browser.register()) == (401, "not_authenticated")

    def test_registration_of_revoked_session_is_refused(self, browser):
        revoke_session(TokenFamily.objects.get().session, reason="admin")
        assert problem(browser.register()) == (401, "session_revoked")
        assert_unbound()

    def test_registration_with_used_token_is_refused(self, browser, clock):
        old = browser.cookies[REFRESH_COOKIE].value
        newest = refresh_session(old)
        clock.move(AFTER_OVERLAP)
        newest = refresh_session(newest.refresh)
        clock.move(AFTER_OVERLAP)
        assert problem(browser.register()) == (401, "session_revoked")
        assert_unbound()
        assert refresh_session(newest.refresh).refresh, "the session is live"

    def test_registration_with_expired_token_is_refused(self, browser, clock, options):
        options(REFRESH_TOKEN_LIFETIME=timedelta(seconds=60))
        browser.post("refresh/")
        clock.move(timedelta(seconds=61))
        assert problem(browser.register()) == (403, "session_expired/idle")
        assert_unbound()

    def test_registration_five_minutes_after_login_is_refused(self, browser, clock):
        clock.move(timedelta(minutes=5, seconds=1))
        assert problem(browser.register()) == (403, "invalid_device_proof/proof_challenge")
        assert_unbound()

    def test_registration_within_five_minutes_is_accepted(self, clock, browser):
        clock.move(timedelta(minutes=4, seconds=59))
        assert browser.register().status_code == 200

    def test_second_registration_with_another_key_is_refused(self, bound):
        answer = bound.register(which=1)
        assert problem(answer) == (403, "invalid_device_proof/proof_registered")
        assert bound.post("refresh/").status_code == 200

    def test_registration_with_challenge_of_another_session_is_refused(self, browser, credentials):
        other = Browser(which=1)
        other.log_in(credentials)
        answer = browser.register(make_proof(other.challenge))
        assert problem(answer) == (403, "invalid_device_proof/proof_challenge")
        assert_unbound()

    def test_copied_cookie_cannot_register_another_key(self, browser, clock):
        """The challenge is in the answer to the login alone, which the copy lacks."""
        copy = browser.copy_cookies(REFRESH_COOKIE)
        for challenge in ("", "x", None, browser.challenge[::-1]):
            assert copy.register(make_proof(challenge)).status_code == 403
        assert_unbound()
        assert browser.register().status_code == 200

    def test_registration_of_session_with_dpop_key_is_refused(self, browser):
        TokenFamily.objects.update(binding="dpop", key_thumbprint="A" * 43)
        answer = browser.register()
        assert problem(answer) == (403, "invalid_device_proof/proof_registered")
        assert TokenFamily.objects.get().key_thumbprint == "A" * 43


def assert_unbound():
    columns = TokenFamily.objects.values_list("binding", "key_thumbprint", "public_key")
    assert set(columns) == {("", "", "")}

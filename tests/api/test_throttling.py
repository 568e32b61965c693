"""Throttles have defaults, and projects set them where they set all others."""

from collections import Counter
from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from refresh_sessions.sessions import refresh_session, revoke_session
from tests.api.client import problem
from tests.factories import UserFactory, make_pair

pytestmark = pytest.mark.django_db


def attempts(api, body, count, **options):
    return [api.post("login/", body, **options).status_code for _ in range(count)]


class TestLogin:
    def test_five_a_minute(self, api, credentials):
        wrong = {**credentials, "password": "wrong"}
        assert attempts(api, wrong, 5) == [401] * 5
        answer = api.post("login/", credentials)
        assert problem(answer) == (429, "throttled")

    def test_per_account(self, api, credentials):
        attempts(api, credentials, 6)
        other = {**credentials, "username": UserFactory().get_username()}
        assert attempts(api, other, 1) == [200]

    def test_per_address(self, api, credentials):
        attempts(api, credentials, 6, REMOTE_ADDR="203.0.113.5")
        assert attempts(api, credentials, 1, REMOTE_ADDR="203.0.113.6") == [200]

    def test_other_addresses_of_a_household_do_not_help(self, api, credentials):
        for n in range(6):
            attempts(api, credentials, 1, REMOTE_ADDR=f"2001:db8:0:7::{n:x}:1")
        assert attempts(api, credentials, 1, REMOTE_ADDR="2001:db8:0:7:ffff::9") == [429]
        assert attempts(api, credentials, 1, REMOTE_ADDR="2001:db8:0:8::1") == [200]

    def test_forged_addresses_do_not_help(self, api, credentials):
        wrong = {**credentials, "password": "wrong"}
        statuses = [
            api.post("login/", wrong, headers={"x-forwarded-for": f"8.8.8.{n}"}).status_code
            for n in range(6)
        ]
        assert statuses == [401] * 5 + [429]

    @pytest.mark.parametrize("peer", ["10.0.0.1", ""])
    def test_behind_proxies_per_client(self, api, credentials, options, peer):
        options(TRUSTED_PROXIES=("10.0.0.0/8", "unix"))

        def try_from(client, forged=""):
            forwarded = {"x-forwarded-for": f"{forged}{client}"}
            wrong = {**credentials, "password": "wrong"}
            return attempts(api, wrong, 1, headers=forwarded, REMOTE_ADDR=peer)[0]

        assert [try_from("203.0.113.5", f"8.8.8.{n}, ") for n in range(6)] == [401] * 5 + [429]
        assert try_from("203.0.113.6") == 401

    def test_spelling_of_the_name_does_not_help(self, api, credentials):
        name = credentials["username"]
        spellings = [name, name.upper(), f" {name} ", name.title(), f"{name} ", name]
        statuses = [
            api.post("login/", {"username": spelling, "password": "wrong"}).status_code
            for spelling in spellings
        ]
        assert statuses[-1] == 429

    @pytest.mark.parametrize(
        "name",
        [
            *("\u00e1da@example.org", "a\u0301da@example.org", "\uff41da@example.org"),
            *("a\u200bda@example.org", "a\u00adda@example.org", "ada@example.org\u3000"),
            *("ADA@EXAMPLE.ORG", "a\x01da@example.org"),
        ],
    )
    def test_nor_do_spellings_that_some_database_takes_for_the_same(self, api, name, db):
        wrong = {"username": "ada@example.org", "password": "wrong"}
        assert attempts(api, wrong, 5) == [401] * 5
        assert attempts(api, {**wrong, "username": name}, 1) == [429]

    @pytest.mark.parametrize("name", ["\u0430da@example.org", "adaa@example.org", "\u5c71", "1"])
    def test_other_letters_are_other_names(self, api, name, db):
        wrong = {"username": "ada@example.org", "password": "wrong"}
        attempts(api, wrong, 6)
        assert attempts(api, {**wrong, "username": name}, 1) == [401]

    def test_rate_of_the_project(self, api, credentials, rates):
        rates(session_login="1/min")
        assert attempts(api, credentials, 2) == [200, 429]

    def test_none_turns_it_off(self, api, credentials, rates):
        rates(session_login=None)
        assert attempts(api, credentials, 8) == [200] * 8

    def test_other_rates_of_the_project_leave_ours_alone(self, api, credentials, rates):
        rates(anon="1000/min")
        assert attempts(api, credentials, 6) == [200] * 5 + [429]


class TestLoginByAddress:
    @pytest.fixture(autouse=True)
    def _quick_hasher(self, monkeypatch):
        """Nobody's password is right, and it is not about the wait."""
        monkeypatch.setattr(
            "refresh_sessions.rest_framework.views.login.authenticate", lambda *a, **k: None
        )

    def spray(self, api, count, address):
        """Another account each time; how often each status was the answer."""
        return Counter(
            status
            for n in range(count)
            for status in attempts(
                api, {"username": f"{n}", "password": "x"}, 1, REMOTE_ADDR=address
            )
        )

    def test_sixty_a_minute_whatever_the_account(self, api, db):
        assert self.spray(api, 62, "8.8.8.8") == {401: 60, 429: 2}
        assert self.spray(api, 2, "8.8.4.4") == {401: 2}

    def test_a_household_is_one_address(self, api, db, rates):
        rates(session_login_address="1/min")
        assert self.spray(api, 1, "2606:4700::1") == {401: 1}
        assert self.spray(api, 1, "2606:4700::2") == {429: 1}
        assert self.spray(api, 1, "2606:4700:0:1::1") == {401: 1}

    @pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "100.64.0.1", "fd00::1", ""])
    def test_what_may_be_a_proxy_that_nobody_named_is_no_person(self, api, db, rates, address):
        rates(session_login_address="1/min")
        assert self.spray(api, 3, address) == {401: 3}

    def test_behind_a_proxy_that_is_named(self, api, db, rates, options):
        options(TRUSTED_PROXIES=("10.0.0.0/8",))
        rates(session_login_address="1/min")
        wrong = {"username": "x", "password": "x"}
        for client, statuses in (("8.8.8.8", [401, 429]), ("8.8.4.4", [401, 429])):
            headers = {"x-forwarded-for": client}
            assert attempts(api, wrong, 2, headers=headers, REMOTE_ADDR="10.0.0.1") == statuses

    def test_none_turns_it_off(self, api, db, rates):
        rates(session_login_address=None)
        assert self.spray(api, 62, "8.8.8.8") == {401: 62}


class TestRefresh:
    def send(self, api, pair, count):
        return [api.post("refresh/", {"refresh": pair.refresh}).status_code for _ in range(count)]

    def rotate(self, api, token, count):
        """Refresh as an honest client, without an overlap to wait for."""
        statuses = []
        for _ in range(count):
            answer = api.post("refresh/", {"refresh": token})
            token = answer.json().get("refresh", token)
            statuses.append(answer.status_code)
        return statuses

    def test_thirty_a_minute_per_session(self, api, user, options):
        options(ROTATION_OVERLAP=timedelta(0))
        busy, other = make_pair(user), make_pair(user)
        assert self.rotate(api, busy.refresh, 31) == [200] * 30 + [429]
        assert self.send(api, other, 1) == [200]

    @pytest.mark.parametrize("companion", [True, False])
    def test_siblings_of_a_rotation_weigh_nothing(self, api, pair, rates, companion):
        rates(session_refresh="2/day")
        if companion:
            api.raw.cookies["refresh_companion"] = pair.companion
        newest = api.post("refresh/", {"refresh": pair.refresh}).json()["refresh"]
        for token in [pair.refresh, newest] * 10:
            assert api.post("refresh/", {"refresh": token}).status_code == 200

    def test_refusals_weigh_as_much_as_rotations(self, api, pair, rates):
        rates(session_refresh="2/day")
        revoke_session(pair.session, reason="admin")
        assert self.send(api, pair, 3) == [401, 401, 429]

    def test_does_not_consume_the_token(self, api, pair, rates):
        rates(session_refresh="1/day")
        assert self.send(api, pair, 1) == [200]
        assert self.send(api, pair, 1) == [429]
        assert refresh_session(pair.refresh).access

    def test_forged_tokens_use_up_nobodys_share(self, api, pair):
        forged = pair.refresh[:-6] + "AAAAAA"
        statuses = [api.post("refresh/", {"refresh": forged}).status_code for _ in range(40)]
        assert statuses == [401] * 40
        assert self.send(api, pair, 1) == [200]

    def test_none_turns_it_off(self, api, pair, rates):
        rates(session_refresh=None)
        assert self.send(api, pair, 35) == [200] * 35


def test_a_malformed_login_is_a_400_before_it_is_counted(db):
    client = APIClient()
    answer = client.post("/auth/login/", "{", content_type="application/json")
    assert problem(answer) == (400, "parse_error")

"""Throttles have defaults, and projects set them where they set all others."""

from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from refresh_sessions.exceptions import ThrottleUnavailableError
from refresh_sessions.models import DeviceSession
from refresh_sessions.rest_framework import throttling
from refresh_sessions.sessions import refresh_session, revoke_session
from tests.api.client import problem
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.user_models import part_of

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
            *("ADA@EXAMPLE.ORG", "a\x01da@example.org", "a\u0111a@example.org"),
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


class Folding(ModelBackend):
    """Stands for a collation that equates what no list has: it passes over each "x"."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        return super().authenticate(
            request, username=username.replace("x", ""), password=password, **kwargs
        )


class TestLoginByAccount:
    @pytest.fixture(autouse=True)
    def _folding(self, settings):
        settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Folding"]

    @pytest.fixture
    def account(self, db):
        return UserFactory(username="ada@org")

    def guess(self, api, name, password="wrong", **options):
        return api.post("login/", {"username": name, "password": password}, **options)

    def test_spellings_that_lead_to_one_account_share_a_count(self, api, account):
        for number in range(5):
            assert self.guess(api, f"ada{'x' * number}@org").status_code == 401
        answer = self.guess(api, "xada@org", PASSWORD)
        assert problem(answer) == (401, "no_active_account")
        assert not DeviceSession.objects.exists()

    def test_answers_do_not_tell_whether_spellings_lead_to_an_account(self, api, account):
        answers = {}
        for name in ("ada", "bob"):
            with CaptureQueriesContext(connection) as queries:
                guesses = [self.guess(api, f"{name}{'x' * number}@org") for number in range(8)]
            answers[name] = (
                [(guess.status_code, guess.json()) for guess in guesses],
                len(queries),
            )
        assert answers["ada"] == answers["bob"]

    def test_login_takes_as_many_operations_of_the_cache_with_an_account_as_without(
        self, api, account, monkeypatch
    ):
        counted = Counter()
        monkeypatch.setattr(
            throttling._ThrottleCache,
            "get",
            lambda self, key, default=None: counted.update("g") or default,
        )
        monkeypatch.setattr(throttling._ThrottleCache, "set", lambda *args: counted.update("s"))
        seen = []
        for name in ("ada@org", "bob@org"):
            counted.clear()
            self.guess(api, name)
            seen.append(dict(counted))
        assert seen[0] == seen[1]
        assert seen[0]["s"] >= 2

    def test_other_accounts_and_addresses_have_counts_of_their_own(self, api, account):
        other = UserFactory(username="bob@org")
        for number in range(7):
            self.guess(api, f"ada{'x' * number}@org", REMOTE_ADDR="203.0.113.5")
        elsewhere = self.guess(api, "xxada@org", PASSWORD, REMOTE_ADDR="203.0.113.6")
        assert elsewhere.status_code == 200
        name = other.get_username()
        assert self.guess(api, name, PASSWORD, REMOTE_ADDR="203.0.113.5").status_code == 200

    def test_account_counts_at_the_rate_of_the_project(self, api, account, rates):
        rates(session_login="2/min")
        answers = [self.guess(api, f"ada{'x' * n}@org", PASSWORD) for n in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 401]

    def test_account_counts_are_off_with_the_throttle(self, api, account, rates):
        rates(session_login=None)
        answers = [self.guess(api, f"ada{'x' * n}@org", PASSWORD) for n in range(8)]
        assert {answer.status_code for answer in answers} == {200}

    def test_login_answers_503_while_the_cache_fails_after_the_password(
        self, api, account, monkeypatch
    ):
        def fail(*args, **kwargs):
            raise ThrottleUnavailableError

        monkeypatch.setattr(throttling._AccountThrottle, "admits", fail)
        answer = self.guess(api, "ada@org", PASSWORD)
        assert problem(answer) == (503, "throttle_unavailable")
        assert not DeviceSession.objects.exists()

    def test_backend_with_a_proxy_or_child_leads_to_one_count(self, part_backend, api, account):
        part_of(account, part_backend)
        for number in range(5):
            assert self.guess(api, f"ada{'-' * number}@org").status_code == 401
        assert problem(self.guess(api, "-ada@org", PASSWORD)) == (401, "no_active_account")
        elsewhere = self.guess(api, "--ada@org", PASSWORD, REMOTE_ADDR="203.0.113.6")
        assert elsewhere.status_code == 200

    def test_manager_that_ignores_case_leads_to_one_count(
        self, api, account, monkeypatch, settings
    ):
        settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
        manager = type(get_user_model()._default_manager)
        field = get_user_model().USERNAME_FIELD
        monkeypatch.setattr(
            manager,
            "get_by_natural_key",
            # As a search that reads "0" as "o" and knows no case.
            lambda self, name: self.get(**{f"{field}__iexact": name.replace("0", "o")}),
        )
        names = ("ada@org", "ADA@ORG", "Ada@0rg", "aDA@0RG", "ADA@Org")
        assert {self.guess(api, name).status_code for name in names} == {401}
        assert self.guess(api, "ada@0rg", PASSWORD).status_code == 401


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stra\u00dfe", "strase"),
        ("stra\u00dfe", "STRASSE"),
        ("d\u0131d\u0131m", "DIDIM"),
        ("user\u0661\u0662", "user12"),
        ("user\u09e7", "user1"),
        ("user\uff11", "user1"),
        ("user\u2460", "user1"),
        ("\u0142ukasz", "lukasz"),
        ("s\u00f8ren", "soren"),
        ("\u00e6sir", "AESIR"),
        ("\u3042\u304d", "\u30a2\u30ad"),
        ("\uff71\uff77", "\u3042\u304d"),
        ("\u03bd\u03af\u03ba\u03bf\u03c2", "\u039d\u0399\u039a\u039f\u03a3"),
    ],
)
def test_spellings_that_collations_equate_share_a_count(one, other):
    assert throttling.normalize_username(one) == throttling.normalize_username(other)


SPELLINGS = (
    "o\u00dfi",
    "osi",
    "OSI",
    "ossi",
    "\u00f3si",
    "os\u0131",
    "osi ",
    "o\u017fi",
    "o\u00dfi ",
)


def test_spellings_that_the_database_itself_equates_share_a_count(api, db):
    model = get_user_model()
    UserFactory(username="osi")
    same = [
        name
        for name in SPELLINGS
        if model._base_manager.filter(**{model.USERNAME_FIELD: name}).exists()
    ]
    assert connection.vendor != "mysql" or len(same) > 3
    tried = (same * 5)[:5]
    for name in tried:
        api.post("login/", {"username": name, "password": "wrong"})
    for name in same:
        answer = api.post("login/", {"username": name, "password": PASSWORD})
        assert answer.status_code in {401, 429}
    assert not DeviceSession.objects.exists()


class TestLoginByAddress:
    @pytest.fixture(autouse=True)
    def _quick_hasher(self, monkeypatch):
        """Nobody's password is right, and it is not about the wait."""
        monkeypatch.setattr(
            "refresh_sessions.rest_framework.views.tokens.authenticate", lambda *a, **k: None
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

"""Users with the same key in two tenants or environments are separate, in tokens and cache.

The tenants are schemas as in django-tenants: an attribute of the connection. The twin is a
second database with the same keys, cache, settings and primary keys.
"""

from contextlib import contextmanager
from types import SimpleNamespace

import jwt
import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections, router, transaction
from rest_framework.test import APIClient

from refresh_sessions import sessions, tenants
from refresh_sessions.exceptions import (
    InvalidTicketError,
    InvalidTokenError,
    SessionRevokedError,
)
from refresh_sessions.models import TokenFamily
from refresh_sessions.rest_framework.throttling import LoginAddressThrottle, LoginThrottle
from refresh_sessions.sessions import tickets
from refresh_sessions.tokens import refresh_tokens
from tests.domain.client_actions import call
from tests.factories import PASSWORD, UserFactory, make_pair

pytestmark = pytest.mark.django_db

CHECKS = ("session", "cache", "stateless")
TWIN = "twin"


@contextmanager
def schema(name):
    """Use a schema, as ``schema_context`` of django-tenants does."""
    before = getattr(connection, "schema_name", None)
    connection.schema_name = name
    try:
        yield
    finally:
        if before is None:
            del connection.schema_name
        else:
            connection.schema_name = before


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def named_tenant():
    """The function of a project for the setting ``TENANT``."""
    return CURRENT.name


CURRENT = SimpleNamespace(name="berlin")


class TestSchemas:
    @pytest.mark.parametrize("check", CHECKS)
    def test_access_token_of_another_schema_is_refused(self, user, options, check):
        options(ACCESS_TOKEN_CHECK=check)
        with schema("berlin"):
            pair = make_pair(user)
            assert call(pair) == call(pair) == "ok"
        for other in ("paris", "public", None):
            with schema(other):
                assert call(pair) == "token_not_valid"

    def test_refresh_token_refused_in_another_schema_stays_valid(self, user):
        with schema("berlin"):
            pair = make_pair(user)
        with schema("paris"), pytest.raises(InvalidTokenError):
            sessions.refresh_session(pair.refresh)
        with schema("berlin"):
            assert sessions.refresh_session(pair.refresh).refresh

    def test_issuer_contains_the_schema(self, user, options):
        options(ISSUER="https://shop.example")
        with schema("berlin"):
            pair = make_pair(user)
            grant = sessions.check_access_token(pair.access)
        assert claims_of(pair.access)["iss"] == "https://shop.example/berlin"
        assert claims_of(pair.refresh)["iss"] == "https://shop.example/berlin"
        assert claims_of(pair.refresh)["aud"] == "https://shop.example/berlin#refresh"
        assert grant["iss"] == "https://shop.example/berlin"

    def test_issuer_without_schema_is_the_setting(self, pair):
        assert (
            claims_of(pair.access)["iss"] == claims_of(pair.refresh)["iss"] == "refresh_sessions"
        )

    def test_introspection_in_another_schema_says_inactive(self, user):
        with schema("berlin"):
            pair = make_pair(user)
            assert sessions.introspect_access_token(pair.access)
            assert sessions.introspect_refresh_token(pair.refresh)
        with schema("paris"):
            assert sessions.introspect_access_token(pair.access) is None
            assert sessions.introspect_refresh_token(pair.refresh) is None

    def test_ticket_of_another_schema_is_refused(self, user):
        with schema("berlin"):
            ticket = tickets.sign_ticket(
                tickets.Ticket(
                    secret="s" * 22, account="a", backend="", name="", methods=("pwd",), data={}
                )
            )
            assert tickets.read_ticket(ticket).account == "a"
            account = tickets.get_account_digest(user)
        with schema("paris"):
            assert tickets.get_account_digest(user) != account
            with pytest.raises(InvalidTicketError):
                tickets.read_ticket(ticket)

    def test_endpoints_refuse_tokens_of_another_schema(self, user, bearer):
        with schema("berlin"):
            pair = make_pair(user)
        client = APIClient()
        with schema("paris"):
            assert client.get("/auth/sessions/", headers=bearer(pair)).status_code == 401
            client.post("/auth/logout/", {"refresh": pair.refresh}, "json")
            client.post("/auth/revoke/", {"token": pair.refresh}, "json")
        with schema("berlin"):
            assert call(pair) == "ok"

    def test_revocation_is_cached_in_its_own_schema(
        self, user, options, django_capture_on_commit_callbacks
    ):
        options(ACCESS_TOKEN_CHECK="cache")
        with schema("berlin"):
            pair = make_pair(user)
            assert call(pair) == "ok"
        committed = django_capture_on_commit_callbacks(execute=True)
        with schema("public"), transaction.atomic(), committed, schema("berlin"):
            sessions.revoke_session(pair.session, reason="admin")
        with schema("berlin"):
            assert call(pair) == "session_revoked"

    @pytest.mark.parametrize("check", ["cache", "stateless"])
    def test_lazy_user_is_not_loaded_from_another_schema(self, user, options, check):
        options(ACCESS_TOKEN_CHECK=check)
        with schema("berlin"):
            pair = make_pair(user)
            assert call(pair) == "ok"
            grant = sessions.check_access_token(pair.access)
        with schema("paris"), pytest.raises(InvalidTokenError):
            grant.user.get_username()
        with schema("berlin"):
            assert grant.user.get_username() == user.get_username()

    @pytest.mark.parametrize(
        ("check", "queries"), [("session", 1), ("cache", 0), ("stateless", 0)]
    )
    def test_access_token_of_the_same_schema_takes_no_extra_query(
        self, user, options, check, queries, django_assert_num_queries
    ):
        options(ACCESS_TOKEN_CHECK=check)
        with schema("berlin"):
            pair = make_pair(user)
            sessions.check_access_token(pair.access)
            with django_assert_num_queries(queries):
                sessions.check_access_token(pair.access)


class TestTenantSetting:
    @pytest.mark.parametrize("check", CHECKS)
    def test_token_of_another_tenant_is_refused(self, user, options, monkeypatch, check):
        options(ACCESS_TOKEN_CHECK=check, TENANT=f"{__name__}.named_tenant")
        pair = make_pair(user)
        assert claims_of(pair.access)["iss"] == "refresh_sessions/berlin"
        assert call(pair) == call(pair) == "ok"
        monkeypatch.setattr(CURRENT, "name", "paris")
        assert call(pair) == "token_not_valid"
        with pytest.raises(InvalidTokenError):
            refresh_tokens.verify(pair.refresh)

    @pytest.mark.parametrize("name", [None, ""])
    def test_issuer_without_tenant_is_the_setting(self, options, monkeypatch, name):
        options(TENANT=f"{__name__}.named_tenant")
        monkeypatch.setattr(CURRENT, "name", name)
        assert tenants.get_issuer() == "refresh_sessions"


class Router:
    """Sends all models to the environment of the test."""

    alias = "default"

    def db_for_read(self, model, **hints):
        return self.alias

    db_for_write = db_for_read

    def allow_relation(self, *objects, **hints):
        return True

    def allow_migrate(self, *labels, **hints):
        return True


@pytest.fixture
def twin(db, settings, tmp_path):
    """Return a context manager that enters another environment, with its own database."""
    template = connections.settings["default"]
    own = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "twin.sqlite3")}
    connections.settings[TWIN] = {**template, **own, "OPTIONS": {}, "HOST": "", "PORT": ""}
    # Connected by hand: Django's test case refuses connections to unknown databases.
    connections[TWIN].connect()
    call_command("migrate", database=TWIN, verbosity=0)
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]

    @contextmanager
    def enter():
        Router.alias = TWIN
        try:
            yield
        finally:
            Router.alias = "default"

    yield enter
    connections[TWIN].close()
    del connections[TWIN]
    del connections.settings[TWIN]


@pytest.fixture
def both(twin):
    """Users with the same primary key in both environments."""
    here = UserFactory.create()
    with twin():
        there = get_user_model()(pk=here.pk)
        for field in get_user_model()._meta.concrete_fields:
            if not field.primary_key and not field.is_relation:
                setattr(there, field.attname, getattr(here, field.attname))
        there.save(force_insert=True)
    return here, there


class TestSecondDatabase:
    @pytest.mark.parametrize("check", CHECKS)
    def test_access_token_of_another_database_is_refused(self, twin, both, options, check):
        options(ACCESS_TOKEN_CHECK=check)
        here, there = both
        pair = make_pair(here)
        assert call(pair) == call(pair) == "ok"
        with twin():
            assert router.db_for_write(TokenFamily) == TWIN
            assert call(pair) == "session_revoked"
            other = make_pair(there)
            assert call(other) == call(other) == "ok"
        assert call(other) == "session_revoked"
        assert call(pair) == "ok"

    def test_refresh_token_of_another_database_is_refused(self, twin, both):
        pair = make_pair(both[0])
        with twin(), pytest.raises(SessionRevokedError):
            sessions.refresh_session(pair.refresh)

    def test_cache_entry_of_a_database_copy_is_not_used(self, twin, both, options):
        """In a copy of the database, session and family have the same ids in both."""
        options(ACCESS_TOKEN_CHECK="cache")
        pair = make_pair(both[0])
        assert call(pair) == "ok"
        key = f"{{{pair.session.pk}}}:{pair.family.pk}"
        assert cache.get(f"{tenants.cache_prefix()}:{key}")
        with twin():
            assert not cache.get(f"{tenants.cache_prefix()}:{key}")

    def test_throttle_counts_are_separate_per_database(self, twin, both):
        name = both[0].get_username()
        client = APIClient()

        def guess(password):
            return client.post("/auth/login/", {"username": name, "password": password}, "json")

        with twin():
            for _ in range(5):
                assert guess("wrong").status_code == 401
            assert guess(PASSWORD).status_code == 429
        assert guess(PASSWORD).status_code == 200

    def test_stateless_token_after_address_change_reads_database(
        self, user, options, monkeypatch, django_assert_num_queries
    ):
        options(ACCESS_TOKEN_CHECK="stateless")
        pair = make_pair(user)
        monkeypatch.setitem(connection.settings_dict, "HOST", "pooler.example")
        with django_assert_num_queries(1):
            assert call(pair) == "ok"

    def test_environment_setting_equates_two_database_addresses(
        self, user, options, settings, monkeypatch, django_assert_num_queries
    ):
        options(ACCESS_TOKEN_CHECK="stateless", ENVIRONMENT="production")
        pair = make_pair(user)
        monkeypatch.setitem(connection.settings_dict, "HOST", "pooler.example")
        with django_assert_num_queries(0):
            assert call(pair) == "ok"
        settings.SECRET_KEY = "n" * 50
        assert tenants.is_this_environment(claims_of(pair.access)["env"])
        options(ENVIRONMENT="staging")
        assert not tenants.is_this_environment(claims_of(pair.access)["env"])

    def test_environment_claim_verifies_with_fallback_secret_key(
        self, user, options, settings, django_assert_num_queries
    ):
        options(ACCESS_TOKEN_CHECK="stateless")
        pair = make_pair(user)
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "n" * 50
        with django_assert_num_queries(0):
            sessions.check_access_token(pair.access)

    def test_forged_environment_claim_is_not_trusted(self, pair):
        env = claims_of(pair.access)["env"]
        assert tenants.is_this_environment(env)
        assert not any(map(tenants.is_this_environment, ("", env[:-1], env.upper() + "0")))


@pytest.mark.parametrize(
    ("key", "value", "differs"),
    [
        ("NAME", "another", True),
        ("HOST", "db.example", True),
        ("HOST", "127.0.0.1", False),
        ("HOST", "LOCALHOST", False),
        ("PORT", "6000", True),
        ("PORT", 5432, False),
        ("USER", "another", False),
        ("PASSWORD", "another", False),
        ("OPTIONS", {"options": "-c search_path=berlin"}, True),
        ("OPTIONS", {"options": "-c search_path=berlin,public -c lock_timeout=1"}, True),
        ("OPTIONS", {"options": "-c lock_timeout=1"}, False),
        ("OPTIONS", {"service": "shop"}, True),
        ("CONN_MAX_AGE", 60, False),
    ],
)
def test_cache_prefix_depends_on_database_address(monkeypatch, key, value, differs):
    stated = {"NAME": "shop", "HOST": "localhost", "PORT": "", "OPTIONS": {}}
    stand_in = SimpleNamespace(vendor="postgresql", settings_dict=stated)
    monkeypatch.setattr(tenants, "connections", {"default": stand_in})
    before = tenants.cache_prefix()
    stated[key] = value
    assert (tenants.cache_prefix() != before) is differs


def test_cache_prefix_of_relative_sqlite_file_depends_on_directory(monkeypatch, tmp_path):
    stand_in = SimpleNamespace(vendor="sqlite", settings_dict={"NAME": "db.sqlite3"})
    monkeypatch.setattr(tenants, "connections", {"default": stand_in})
    before = tenants.cache_prefix()
    assert tenants.cache_prefix() == before
    monkeypatch.chdir(tmp_path)
    assert tenants.cache_prefix() != before


def test_throttle_keys_of_accounts_alone_contain_the_schema(rf):
    names, addresses = LoginThrottle(), LoginAddressThrottle()
    request = SimpleNamespace(
        data={"username": "ada"}, _request=rf.post("/", REMOTE_ADDR="93.184.216.34")
    )
    keys = []
    for name in ("berlin", "paris"):
        with schema(name):
            keys.append([t.get_cache_key(request, None) for t in (names, addresses)])
    assert keys[0][0] != keys[1][0]
    assert keys[0][1] == keys[1][1]

"""Django upgrades the stored hash at login when the hashers change; the password is the same."""

import pytest
from django.contrib import auth
from django.contrib.auth.backends import ModelBackend

from refresh_sessions.exceptions import SecondFactorRequiredError
from refresh_sessions.identity import authenticate, watch_accounts
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import finish_login, log_in, refresh_session
from refresh_sessions.users import auth_hash_is_valid
from tests.domain.client_actions import call, refused, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE
from tests.hashers import newer_hashers
from tests.user_models import part_of

pytestmark = pytest.mark.django_db


class Directory(ModelBackend):
    """Accepts passwords of an external directory, and stores the typed one."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        user = auth.get_user_model().objects.get_by_natural_key(username)
        user.set_password(password)
        user.save(update_fields=["password"])
        return user


@pytest.fixture(name="newer_hashers")
def _newer_hashers(user):
    """Password hashers that changed after the user's password was set."""
    with newer_hashers():
        yield


@pytest.fixture
def type_password(user):
    """Log in with the user's password or another one."""

    def typed(password=PASSWORD):
        return authenticate(None, username=user.get_username(), password=password)

    return typed


def stored(user) -> str:
    password: str = type(user).objects.get(pk=user.pk).password
    return password


def reason_of(pair) -> str:
    return session_of(pair).revoked_reason


@pytest.mark.usefixtures("newer_hashers")
class TestTheSamePassword:
    def test_hash_upgrade_of_same_password_revokes_no_session(self, user, pair, type_password):
        before = stored(user)
        here = make_pair(type_password())
        assert stored(user) != before
        assert [call(pair), call(here)] == ["ok", "ok"]
        assert refresh_session(pair.refresh).refresh
        assert session_of(pair).revoked_at is None

    def test_hash_upgrade_leaves_sessions_of_other_users(self, type_password):
        other = make_pair(UserFactory())
        before = session_of(other).auth_hash
        type_password()
        assert session_of(other).auth_hash == before
        assert call(other) == "ok"

    def test_hash_upgrade_keeps_ticket_between_login_steps(
        self, user, type_password, options, with_second_factor
    ):
        options(SECOND_FACTORS=("tests.factors.Code",))
        with_second_factor(user)
        with pytest.raises(SecondFactorRequiredError) as asked:
            log_in(user, methods=("pwd",))
        type_password()
        assert call(finish_login(asked.value.ticket, {"code": CODE})) == "ok"

    def test_hash_upgrade_with_rotated_secret_key_keeps_session(
        self, pair, type_password, settings
    ):
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "n" * 50
        type_password()
        assert call(pair) == "ok"
        settings.SECRET_KEY_FALLBACKS = []
        session = session_of(pair)
        assert auth_hash_is_valid(session.user, session.auth_hash)

    def test_hash_upgrade_by_two_logins_is_stored_once(
        self, user, pair, type_password, monkeypatch
    ):
        """The second login reads the older hash and saves after the first one."""
        other = make_pair(user)
        check = type(user).check_password

        def overtaken(found, raw):
            monkeypatch.undo()
            first.append(type_password())
            return check(found, raw)

        first = []
        monkeypatch.setattr(type(user), "check_password", overtaken)
        here = type_password()
        assert here.password == first[0].password == stored(user)
        assert [call(pair), call(other), call(make_pair(here))] == ["ok"] * 3

    def test_wrong_password_stores_no_newer_hash(self, user, pair, type_password):
        before = stored(user)
        assert type_password("wrong") is None
        assert stored(user) == before
        assert call(pair) == "ok"


class TestAnotherPassword:
    def test_other_password_stored_by_backend_revokes_sessions(
        self, user, pair, type_password, settings
    ):
        settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Directory"]
        here = make_pair(type_password("one that the directory knows"))
        assert call(here) == "ok"
        assert refused(pair.refresh) == "session_revoked"
        assert session_of(pair).revoked_reason == "password_changed"

    def test_same_password_set_again_revokes_no_session(self, pair, type_password, settings):
        settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Directory"]
        assert call(make_pair(type_password())) == "ok"
        assert call(pair) == "ok"

    @pytest.mark.usefixtures("newer_hashers")
    def test_same_password_saved_directly_revokes_sessions(self, user, pair):
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
        assert call(pair) == "session_revoked"


@pytest.mark.usefixtures("part_backend")
class TestBackendWithAProxyOrChild:
    @pytest.fixture(autouse=True)
    def _part(self, part_model, user):
        part_of(user, part_model)

    @pytest.mark.usefixtures("newer_hashers")
    def test_hash_upgrade_through_proxy_or_child_revokes_no_session(
        self, user, pair, type_password, part_model
    ):
        before = stored(user)
        found = type_password()
        assert type(found) is part_model
        here = make_pair(found)
        assert stored(user) != before
        assert [call(pair), call(here), reason_of(pair)] == ["ok", "ok", ""]
        assert refresh_session(pair.refresh).refresh
        # The SQL statements do not write the password either.
        assert DeviceSession.objects.active().count() == 2

    @pytest.mark.usefixtures("newer_hashers")
    def test_hash_upgrade_twice_through_proxy_or_child_revokes_no_session(
        self, user, pair, type_password, part_model, monkeypatch
    ):
        check = part_model.check_password

        def overtaken(found, raw):
            monkeypatch.delattr(part_model, "check_password")
            first.append(type_password())
            return check(found, raw)

        first = []
        monkeypatch.setattr(part_model, "check_password", overtaken, raising=False)
        here = type_password()
        assert here.password == first[0].password == stored(user)
        assert [call(pair), call(make_pair(here)), call(make_pair(first[0]))] == ["ok"] * 3

    def test_other_password_saved_during_hash_upgrade_revokes_sessions(
        self, user, pair, type_password, part_model, monkeypatch
    ):
        def accept(found, raw):
            found.set_password(raw)
            found.save(update_fields=["password"])
            return True

        monkeypatch.setattr(part_model, "check_password", accept, raising=False)
        here = make_pair(type_password("one that the directory knows"))
        assert [call(here), call(pair)] == ["ok", "session_revoked"]
        assert reason_of(pair) == "password_changed"

    @pytest.mark.usefixtures("newer_hashers")
    def test_password_outside_update_fields_is_not_stored(
        self, user, pair, type_password, part_model, monkeypatch
    ):
        def check(found, raw):
            found.set_password(raw)
            found.save(update_fields=["last_login"])
            return True

        before = stored(user)
        monkeypatch.setattr(part_model, "check_password", check, raising=False)
        type_password()
        assert (stored(user), call(pair)) == (before, "ok")

    @pytest.mark.parametrize("password", [PASSWORD, "wrong"])
    def test_login_reads_account_by_key_of_user(self, user, type_password, password):
        with watch_accounts() as accounts:
            type_password(password)
        assert accounts.keys == [str(user.pk)]


def test_login_without_hash_upgrade_takes_no_extra_query(user, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert authenticate(None, username=user.get_username(), password=PASSWORD) == user

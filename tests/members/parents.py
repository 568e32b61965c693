"""Changes through the parents of the user model; ``test_inherited_users`` runs these tests."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend

from refresh_sessions.identity import authenticate, watch_accounts
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import refresh_session
from refresh_sessions.signals import session_revoked
from refresh_sessions.user_models import find_model_with_column, get_user_lookup
from tests.domain.client_actions import call, session_of
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.hashers import newer_hashers
from tests.listeners import heard
from tests.members.models import Account, Contact, Member

pytestmark = pytest.mark.django_db


class AccountBackend(ModelBackend):
    """Checks the password of the parent that stores it, and returns the user."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        account = Account._default_manager.get(email=username)
        return account.member if account.check_password(password) else None


@pytest.fixture
def other(user):
    """Another user, whose key in one table is the first user's key in the other."""
    other = UserFactory(id=user.account_ptr_id)
    assert other.contact_ptr_id == user.account_ptr_id
    return other


@pytest.fixture
def by_account(settings):
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.AccountBackend"]

    def typed(user, password=PASSWORD):
        return authenticate(None, username=user.get_username(), password=password)

    return typed


def reason_of(pair):
    return session_of(pair).revoked_reason


def test_user_model_has_two_parents(user):
    assert type(user) is get_user_model() is Member
    assert user.contact_ptr_id != user.account_ptr_id
    assert (find_model_with_column("password"), find_model_with_column("is_active")) == (
        Account,
        Contact,
    )
    assert find_model_with_column("is_superuser") is Member
    assert (
        find_model_with_column("device_sessions")
        is None
        is find_model_with_column("no_such_column")
    )


def test_lookup_by_each_parent_finds_the_user(user, other):
    for part in (user, user.contact_ptr, user.account_ptr):
        name, value = get_user_lookup(part)
        assert Member.objects.get(**{name: value}) == user


def test_hash_upgrade_through_the_parent_revokes_no_session(user, other, by_account):
    pair, others = make_pair(user), make_pair(other)
    before = Account._default_manager.get(email=user.email).password
    with newer_hashers():
        here = make_pair(by_account(user))
    assert Account._default_manager.get(email=user.email).password != before
    assert [call(pair), call(here), call(others)] == ["ok"] * 3
    assert refresh_session(pair.refresh).refresh
    assert DeviceSession.objects.active().count() == 3


def test_hash_upgrade_leaves_user_with_key_of_the_parent(user, other, by_account):
    before = Member.objects.get(pk=other.pk).password
    others = make_pair(other)
    with newer_hashers():
        by_account(user)
        assert Member.objects.get(pk=other.pk).password == before
        assert call(others) == "ok"


@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_login_reading_the_parent_alone_is_counted_for_the_account(
    user, other, by_account, password
):
    with watch_accounts() as accounts:
        by_account(user, password)
    of_user = accounts.keys
    with watch_accounts() as accounts:
        by_account(other, password)
    assert of_user
    assert not set(of_user) & set(accounts.keys)


def test_password_saved_through_the_parent_revokes_sessions_of_the_user(user, other):
    pair, others = make_pair(user), make_pair(other)
    account = Account._default_manager.get(email=user.email)
    account.set_password("another battery staple")
    with heard(session_revoked) as announced:
        account.save()
    assert [one["session"].pk for one in announced] == [pair.session.pk]
    assert (reason_of(pair), call(others)) == ("password_changed", "ok")


def test_deactivation_through_the_parent_revokes_sessions_of_the_user(user, other):
    pair, others = make_pair(user), make_pair(other)
    contact = Contact.objects.get(pk=user.pk)
    contact.is_active = False
    contact.save()
    assert (reason_of(pair), call(others)) == ("user_inactive", "ok")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("parent", ["contact_ptr", "account_ptr"])
def test_deletion_of_a_parent_is_announced_once_per_session(user, parent):
    pair = make_pair(user)
    with heard(session_revoked) as announced:
        getattr(user, parent).delete()
    assert [(one["session"].pk, one["reason"]) for one in announced] == [
        (pair.session.pk, "user_deleted")
    ]

"""Users as views of a project pass them: ``request.user``, a lazy object, a proxy or a child."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.utils.functional import SimpleLazyObject

from refresh_sessions.exceptions import NoActiveAccountError, SecondFactorRequiredError
from refresh_sessions.identity import verify_identity
from refresh_sessions.lazy_users import LazyUser
from refresh_sessions.models import DeviceSession
from refresh_sessions.sessions import (
    finish_login,
    log_in,
    refresh_session,
    revoke_by_holder,
    revoke_user_sessions,
    start_session,
)
from refresh_sessions.tokens import access_tokens
from refresh_sessions.users import is_active
from tests.domain.client_actions import call, kinds, session_of
from tests.factories import PASSWORD, UserFactory
from tests.factors import CODE
from tests.listeners import heard
from tests.user_models import model_of_kind, part_of

pytestmark = pytest.mark.django_db

MODEL = get_user_model()


class Router:
    """Reads attributes of the model class, which the class of a lazy object does not have."""

    def db_for_read(self, model, **hints):
        return "default" if model._meta.app_label else None

    db_for_write = db_for_read


@pytest.fixture(autouse=True)
def _router(settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]


@pytest.fixture
def user(transactional_db):
    return UserFactory()


@pytest.fixture(params=["request.user", "LazyUser", "proxy", "lazy proxy", "child"])
def given(request, user):
    """The user as an object whose type is not the user model."""
    if request.param == "request.user":
        yield SimpleLazyObject(lambda: MODEL.objects.get(pk=user.pk))
    elif request.param == "LazyUser":
        yield LazyUser(MODEL, user.pk, using="default", accepts=is_active)
    else:
        lazy, _, kind = request.param.rpartition(" ")
        with model_of_kind(kind) as model:
            part = part_of(user, model)
            yield SimpleLazyObject(lambda: part) if lazy else part


def test_session_of_a_given_user_equals_session_of_the_model(given, user):
    plain, pair = start_session(user), start_session(given)
    assert [call(pair), call(plain)] == ["ok", "ok"]
    assert refresh_session(pair.refresh).refresh
    session = session_of(pair)
    assert session.user == user
    assert session.auth_hash == session_of(plain).auth_hash
    assert session.password_fingerprint == session_of(plain).password_fingerprint != ""
    assert DeviceSession.objects.active().count() == 2


def test_login_of_a_given_user_is_announced_with_its_class(given, user):
    with heard(user_logged_in) as announced:
        start_session(given)
    assert [(one["sender"], one["user"]) for one in announced] == [(given.__class__, given)]
    assert issubclass(announced[0]["sender"], MODEL)


def test_logout_of_a_given_user_is_announced_with_its_class(given):
    pair = start_session(given)
    with heard(user_logged_out) as announced:
        assert revoke_by_holder(access_tokens.verify(pair.access), pair.session)
    assert [(one["sender"], one["user"]) for one in announced] == [(given.__class__, given)]
    assert issubclass(announced[0]["sender"], MODEL)


def test_receiver_for_the_user_model_hears_of_lazy_users(user):
    heard_of = []

    def receive(user, **kwargs):
        heard_of.append(user)

    user_logged_in.connect(receive, sender=MODEL)
    try:
        start_session(SimpleLazyObject(lambda: user))
        start_session(LazyUser(MODEL, user.pk, using="default", accepts=is_active))
    finally:
        user_logged_in.disconnect(receive, sender=MODEL)
    assert heard_of == [user, user]


def test_second_factor_of_a_given_user_is_asked_for(given, user, options, with_second_factor):
    options(SECOND_FACTORS=("tests.factors.Code",))
    with_second_factor(user)
    with pytest.raises(SecondFactorRequiredError) as asked:
        log_in(given, methods=("pwd",))
    assert call(finish_login(asked.value.ticket, {"code": CODE})) == "ok"


def test_limit_of_sessions_counts_those_of_a_given_user(given, user, options):
    options(MAX_SESSIONS_PER_USER=1)
    first, second = start_session(user), start_session(given)
    assert [call(first), call(second)] == ["session_revoked", "ok"]


def test_password_of_a_given_user_is_verified(given):
    assert verify_identity(given, {"password": PASSWORD}, None) == ("pwd",)


def test_given_user_revokes_sessions(given, user):
    pair = start_session(user)
    assert revoke_user_sessions(given, reason="mine", by=given) == 1
    assert session_of(pair).revoked_by == user
    assert kinds(pair) == ["signed_in", "revoked"]


def test_code_of_a_given_user_is_checked(given, user):
    pytest.importorskip("django_otp", reason="the extra otp is not installed")
    from django_otp.plugins.otp_static.models import StaticDevice  # noqa: PLC0415

    from refresh_sessions.identity.otp import OneTimePasswordMethod  # noqa: PLC0415

    backup = StaticDevice.objects.create(user=user, name="Paper", confirmed=True)
    backup.token_set.create(token="once")
    method = OneTimePasswordMethod()
    assert method.is_available(given)
    assert method.verify(given, {"otp": "once"}, None)


def test_lazy_deleted_user_gets_no_session(user):
    lazy = SimpleLazyObject(lambda: user)
    MODEL.objects.all().delete()
    with pytest.raises(NoActiveAccountError):
        start_session(lazy)

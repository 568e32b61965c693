"""Which of Django's authentication backends is asked, and under which keywords."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import PermissionDenied

from refresh_sessions.identity import PasswordMethod, authenticate, verify_identity
from refresh_sessions.identity.backends import authenticate_with_backends
from tests.factories import PASSWORD
from tests.listeners import heard

pytestmark = pytest.mark.django_db

NAME = "ada@example.org"
asked: list[tuple[str, dict]] = []


class Recorder:
    """Finds nobody, and keeps what it was asked with."""

    def note(self, **keywords):
        asked.append((type(self).__name__, keywords))


class ByUsername(Recorder):
    def authenticate(self, request, username=None, password=None):
        self.note(username=username)


class ByEmail(Recorder):
    def authenticate(self, request, email=None, password=None):
        self.note(email=email)


class ByEmailAlone(Recorder):
    def authenticate(self, request, *, email, password):
        self.note(email=email)


class ByEmailAndMore(Recorder):
    def authenticate(self, request, email=None, password=None, **kwargs):
        self.note(email=email, **kwargs)


class ByEither(Recorder):
    def authenticate(self, request, username=None, email=None, password=None):
        self.note(username=username, email=email)


class ByAnything(Recorder):
    def authenticate(self, request, **credentials):
        credentials.pop("password")
        self.note(**credentials)


class LikeDjango(Recorder):
    def authenticate(self, request, username=None, password=None, **kwargs):
        self.note(username=username, **kwargs)


class ByToken(Recorder):
    def authenticate(self, request, token=None):
        self.note(token=token)


class Refusing(Recorder):
    def authenticate(self, request, email=None, password=None):
        self.note(email=email)
        raise PermissionDenied


class Delegating(ModelBackend):
    """As projects write it, when their users sign in by email address."""

    def authenticate(self, request, email=None, password=None, **kwargs):
        return super().authenticate(request, username=email, password=password, **kwargs)


class Plain:
    """Without a base class and without further keywords."""

    def authenticate(self, request, email=None, password=None):
        user = get_user_model().objects.filter(email=email).first()
        return user if user and user.check_password(password) else None


BOTH, EMAIL, USERNAME = {"username": NAME, "email": NAME}, {"email": NAME}, {"username": NAME}


@pytest.fixture(autouse=True)
def _by_email(monkeypatch):
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")
    asked.clear()


@pytest.fixture
def backends(settings):
    def use(*classes):
        settings.AUTHENTICATION_BACKENDS = [f"{__name__}.{each.__name__}" for each in classes]

    return use


@pytest.fixture
def account():
    # Django's own user model wants a name of its own besides.
    names = BOTH.items() & {(field.name, NAME) for field in get_user_model()._meta.fields}
    return get_user_model().objects.create_user(**dict(names), password=PASSWORD)


@pytest.mark.parametrize(
    ("backend", "keywords"),
    [
        (ByUsername, USERNAME),
        (ByEmail, EMAIL),
        (ByEmailAlone, EMAIL),
        (ByEmailAndMore, EMAIL),
        (ByEither, BOTH),
        (ByAnything, USERNAME),
        (LikeDjango, USERNAME),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_backend_gets_the_name_under_the_keywords_that_it_names(backends, backend, keywords):
    backends(backend)
    assert authenticate(None, username=NAME, password="x") is None
    assert asked == [(backend.__name__, keywords)]


def test_backend_that_takes_other_credentials_is_passed_over(backends):
    backends(ByToken, ByEmail)
    authenticate(None, username=NAME, password="x")
    assert [name for name, _ in asked] == ["ByEmail"]


def test_backends_are_asked_in_the_order_of_the_setting(backends):
    backends(ByEmail, ByUsername, LikeDjango)
    authenticate(None, username=NAME, password="x")
    assert [name for name, _ in asked] == ["ByEmail", "ByUsername", "LikeDjango"]


def test_permission_denied_asks_no_further_backend(backends):
    backends(ByUsername, Refusing, LikeDjango)
    with heard(user_login_failed) as failed:
        assert authenticate(None, username=NAME, password="x") is None
    assert [name for name, _ in asked] == ["ByUsername", "Refusing"]
    assert len(failed) == 1


def test_failure_is_announced_once_with_the_name_under_both_keywords(backends):
    backends(ByEmail, ByUsername, LikeDjango)
    with heard(user_login_failed) as failed:
        authenticate(None, username=NAME, password="secret")
    (sent,) = failed
    assert sent["sender"] == "django.contrib.auth"
    assert sent["credentials"].keys() == {"username", "email", "password"}
    assert {sent["credentials"][name] for name in ("username", "email")} == {NAME}
    assert "secret" not in str(sent["credentials"])


@pytest.mark.parametrize("backend", [Delegating, Plain])
def test_backend_by_email_authenticates_and_is_noted_on_the_user(backends, account, backend):
    backends(ByUsername, backend)
    with heard(user_login_failed) as failed:
        found = authenticate(None, username=NAME, password=PASSWORD)
    assert found == account
    assert found.backend == f"{__name__}.{backend.__name__}"
    assert failed == []


def test_step_up_asks_the_backend_by_email(backends, account):
    backends(Plain)
    assert verify_identity(account, {"password": PASSWORD}, None) == ("pwd",)


def test_credentials_of_a_project_reach_the_backends_as_they_are(backends, account):
    class ByAddress(PasswordMethod):
        def credentials(self, user):
            return {"email": user.email}

    backends(ByEmail, ByUsername)
    assert not ByAddress().verify(account, {"password": "x"}, None)
    assert asked == [("ByEmail", EMAIL)]


def test_token_that_is_no_name_is_masked_in_the_failure(backends):
    backends(ByToken)
    with heard(user_login_failed) as failed:
        assert authenticate_with_backends(None, {"token": "secret"}) is None
    assert asked == [("ByToken", {"token": "secret"})]
    assert "secret" not in str(failed[0]["credentials"])


def test_error_of_a_backend_about_a_name_that_fits_passes_through(backends, monkeypatch):
    def fail(self, request, email=None, password=None):
        raise ValueError("of the backend")

    monkeypatch.setattr(ByEmail, "authenticate", fail)
    backends(ByEmail)
    with pytest.raises(ValueError, match="of the backend"):
        authenticate(None, username=NAME, password="x")

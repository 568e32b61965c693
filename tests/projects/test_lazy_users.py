"""``request.user`` with the checks "cache" and "stateless", which read no session."""

import copy
import pickle

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import SynchronousOnlyOperation
from django.db import OperationalError, connection
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from refresh_sessions.exceptions import DatabaseBusyError, InvalidTokenError, SessionRevokedError
from refresh_sessions.models import DeviceSession
from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.sessions import (
    acheck_access_token,
    check_access_token,
    revoke_session,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["cache", "stateless"])
def check(request, options):
    options(ACCESS_TOKEN_CHECK=request.param)
    return request.param


@pytest.fixture
def token(check, pair):
    """An access token whose next check does not read the session."""
    check_access_token(pair.access)
    return pair.access


@pytest.fixture
def lazy(token):
    return check_access_token(token).user


class Named(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request):
        return Response({"name": request.user.get_username()})


class Counting(Named):
    def get(self, request):
        return Response({"count": DeviceSession.objects.filter(user=request.user).count()})


class Open(APIView):
    permission_classes = (AllowAny,)

    def get(self, request):
        return Response({"name": request.user.get_username()})


def get(view, token):
    request = APIRequestFactory().get("/", headers={"authorization": f"Bearer {token}"})
    return view.as_view()(request)


class TestSynchronous:
    def test_lazy_user_in_a_view_has_all_fields(self, token, user):
        assert get(Named, token).data == {"name": user.get_username()}

    def test_lazy_user_in_a_filter_takes_no_query(self, token, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert get(Counting, token).data == {"count": 1}

    def test_lazy_user_is_read_with_one_query(self, lazy, user, django_assert_num_queries):
        with django_assert_num_queries(1):
            for field in user._meta.concrete_fields:
                assert getattr(lazy, field.attname) == getattr(user, field.attname)

    def test_lazy_user_identity_takes_no_query(self, lazy, user, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert lazy
            assert lazy.pk == user.pk
            assert getattr(lazy, user._meta.pk.attname) == user.pk
            assert lazy.is_authenticated
            assert not lazy.is_anonymous
            assert isinstance(lazy, get_user_model())
            assert isinstance(lazy, AbstractBaseUser)
            assert str(user.pk) in repr(lazy)

    def test_lazy_user_compares_like_the_user(self, lazy, user, pair):
        assert lazy == user
        assert user == lazy
        assert {user: 1}[lazy] == 1
        pair.session.revoked_by = lazy
        pair.session.save()
        assert DeviceSession.objects.get(pk=pair.session.pk).revoked_by == user

    def test_lazy_user_can_be_saved(self, lazy, user):
        lazy.set_password("another one")
        lazy.save()
        user.refresh_from_db()
        assert user.check_password("another one")

    def test_lazy_user_pickles_like_the_user(self, lazy, user):
        unpickled = pickle.loads(pickle.dumps(lazy))  # noqa: S301
        for made in (copy.copy(lazy), copy.deepcopy(lazy), unpickled):
            assert made.pk == user.pk
            assert made.get_username() == user.get_username()

    @pytest.mark.parametrize("view", [Named, Open])
    @pytest.mark.parametrize("gone", ["deleted", "deactivated"])
    def test_lazy_deleted_user_in_a_view_is_401(self, token, user, view, gone):
        leave(user, gone)
        answer = get(view, token)
        assert answer.status_code == 401
        assert answer.data["code"] == "token_not_valid"
        assert answer["WWW-Authenticate"].startswith("Bearer")

    def test_lazy_deleted_user_outside_views_is_an_invalid_token(self, lazy, user):
        leave(user, "deleted")
        with pytest.raises(InvalidTokenError):
            lazy.get_username()

    def test_lazy_user_of_class_reading_fields_in_init_loads(self, token, user, monkeypatch):
        model, read = get_user_model(), []
        original = model.__init__

        def init(self, *args, **kwargs):
            original(self, *args, **kwargs)
            read.append((self.get_username(), self.is_active, self.password))

        monkeypatch.setattr(model, "__init__", init)
        assert get(Named, token).data == {"name": user.get_username()}
        assert read[-1][0] == user.get_username()

    def test_lazy_user_of_class_with_zero_length_is_falsy(self, lazy, monkeypatch):
        monkeypatch.setattr(get_user_model(), "__len__", lambda self: 0, raising=False)
        assert not lazy

    def test_lazy_user_with_failing_database_is_503(self, token, monkeypatch):
        def fail(execute, *args):
            raise OperationalError from BlockingError

        monkeypatch.setattr("refresh_sessions.database.is_transient", lambda error: True)
        monkeypatch.setattr("refresh_sessions.database._back_off", lambda number: None)
        lazy = check_access_token(token).user
        with connection.execute_wrapper(fail):
            with pytest.raises(DatabaseBusyError):
                lazy.get_username()
            assert get(Named, token).status_code == 503


class BlockingError(Exception):
    """The error of a driver whose database cannot answer now."""


def leave(user, how):
    if how == "deleted":
        user.delete()
    else:
        type(user).objects.filter(pk=user.pk).update(is_active=False)


class AsyncView(APIView):
    """A view as packages for asynchronous REST framework views have them."""

    @classmethod
    def as_request(cls, token):
        plain = APIRequestFactory().get("/", headers={"authorization": f"Bearer {token}"})
        plain.auser = AnonymousUser
        return Request(plain, parser_context={"view": cls()})

    async def get(self, request):
        return request.user.get_username()


class HalfAsyncView(AsyncView):
    def post(self, request):
        return request.user.get_username()


@pytest.mark.django_db(transaction=True)
class TestAsynchronous:
    def test_async_check_gives_loaded_user(self, token, user):
        async def name():
            return (await acheck_access_token(token)).user.get_username()

        assert async_to_sync(name)() == user.get_username()

    def test_async_check_of_a_deleted_user_is_an_invalid_token(self, token, user):
        leave(user, "deleted")
        # The cache knows of the deletion and answers that the session was revoked.
        with pytest.raises((InvalidTokenError, SessionRevokedError)):
            async_to_sync(acheck_access_token)(token)

    def test_async_check_takes_one_query(self, token, django_assert_num_queries):
        with django_assert_num_queries(1):
            async_to_sync(acheck_access_token)(token)

    def test_async_check_without_user_takes_no_query(self, token, user, django_assert_num_queries):
        async def key():
            return (await acheck_access_token(token, load_user=False)).user.pk

        with django_assert_num_queries(0):
            assert async_to_sync(key)() == user.pk

    def test_async_check_without_user_reads_the_database_on_request(self, token, pair):
        revoke_session(pair.session, reason="user")
        with pytest.raises(SessionRevokedError):
            async_to_sync(acheck_access_token)(token, in_database=True, load_user=False)

    @pytest.mark.parametrize("view", [AsyncView, HalfAsyncView])
    def test_async_view_receives_loaded_user(self, token, user, view):
        async def call():
            request = view.as_request(token)
            request.user, _ = await sync_to_async(AccessTokenAuthentication().authenticate)(
                request
            )
            return await view().get(request)

        assert async_to_sync(call)() == user.get_username()

    def test_sync_view_loads_no_user(self, token, django_assert_num_queries):
        request = Request(AsyncView.as_request(token)._request, parser_context={"view": Named()})
        with django_assert_num_queries(0):
            AccessTokenAuthentication().authenticate(request)

    def test_auser_loads_lazy_user_of_the_token(self, token, user):
        request = Request(AsyncView.as_request(token)._request, parser_context={"view": Named()})
        found, grant = AccessTokenAuthentication().authenticate(request)

        async def names():
            loaded = await request.auser()
            again = await grant.auser()
            return loaded.get_username(), again.pk, found.get_username()

        assert async_to_sync(names)() == (user.get_username(), user.pk, user.get_username())

    def test_lazy_user_in_a_coroutine_raises_synchronous_only(self, lazy):
        async def name():
            return lazy.get_username()

        with pytest.raises(SynchronousOnlyOperation):
            async_to_sync(name)()

    def test_auser_of_database_check_takes_no_query(self, pair, options, user):
        options(ACCESS_TOKEN_CHECK="session")
        grant = check_access_token(pair.access)
        assert async_to_sync(grant.auser)() == user

"""Ways in which a project refuses a user; each ends with the test."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.base_user import BaseUserManager

from refresh_sessions.policies import SessionPolicy


class HidesSuperusers(BaseUserManager[Any]):
    """A manager that hides soft-deleted users, with a column of both user models."""

    def get_queryset(self):
        return super().get_queryset().filter(is_superuser=False)


class RefusesSuperusers(ModelBackend):
    """A backend that bans users."""

    def user_can_authenticate(self, user):
        return super().user_can_authenticate(user) and not user.is_superuser


class FindsNoSuperusers(ModelBackend):
    """A backend that bans users with the other method that Django calls."""

    def get_user(self, user_id):
        user = super().get_user(user_id)
        return None if user is None or user.is_superuser else user


class GrantsPermissions(BaseBackend):
    """A backend that authenticates no user, as those of permission packages."""


class PolicyRefusesSuperusers(SessionPolicy):
    def may_continue(self, user, *, session, request):
        return not user.is_superuser


MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


def path_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def refuse_by_manager(settings, options, monkeypatch):
    manager: Any = HidesSuperusers()
    manager.model = get_user_model()
    manager.name = "objects"
    monkeypatch.setitem(vars(get_user_model()._meta), "default_manager", manager)


def refuse_by_backend(settings, options, monkeypatch):
    settings.AUTHENTICATION_BACKENDS = [path_of(RefusesSuperusers)]


def refuse_by_get_user(settings, options, monkeypatch):
    settings.AUTHENTICATION_BACKENDS = [path_of(FindsNoSuperusers)]


def refuse_by_policy(settings, options, monkeypatch):
    options(POLICY=path_of(PolicyRefusesSuperusers))


WAYS: dict[str, Callable[..., None]] = {
    "manager": refuse_by_manager,
    "backend": refuse_by_backend,
    "get_user": refuse_by_get_user,
    "policy": refuse_by_policy,
}


def set_refused(user: Any, *, refused: bool = True) -> None:
    """Let the project refuse a user, without a signal."""
    model = get_user_model()
    model._base_manager.filter(pk=user.pk).update(is_superuser=refused)

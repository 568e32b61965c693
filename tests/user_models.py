"""Proxies and children of the user model for one test, and backends that return them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.db import connection, models

KINDS = ("proxy", "child", "proxy of a child")


@contextmanager
def model_of_kind(kind: str) -> Iterator[Any]:
    """Define a proxy or child of the user model. A child has a table: not in a transaction."""
    user_model = get_user_model()
    if kind == "proxy":
        with _defined("Customer", user_model, proxy=True) as proxy:
            yield proxy
        return
    with _defined("Employee", user_model, desk=models.TextField(default="")) as child:
        with connection.schema_editor() as editor:
            editor.create_model(child)
        try:
            if kind == "child":
                yield child
            else:
                with _defined("Manager", child, proxy=True) as proxy:
                    yield proxy
        finally:
            with connection.schema_editor() as editor:
                editor.delete_model(child)


def part_of(user: Any, model: Any) -> Any:
    """Return the object of ``model`` for a stored user."""
    if model._meta.concrete_model is not get_user_model()._meta.concrete_model:
        child = model(pk=user.pk)
        # Create the child's row alone; the user exists.
        child.save_base(raw=True)
    return model._base_manager.get(pk=user.pk)


class PartBackend(ModelBackend):
    """Returns the user as an object of ``model``, through which Django upgrades hashes.

    Names that differ in hyphens are equal.
    """

    model: Any = None

    def authenticate(
        self, request: Any, username: Any = None, password: Any = None, **kwargs: Any
    ) -> Any:
        name = get_user_model().USERNAME_FIELD
        plain = username.replace("-", "")
        found = self.model._base_manager.filter(**{name: plain}).first()
        return found if found and found.check_password(password) else None


@contextmanager
def _defined(name: str, base: Any, *, proxy: bool = False, **attributes: Any) -> Iterator[Any]:
    app_label = get_user_model()._meta.app_label
    meta = type("Meta", (), {"proxy": proxy, "app_label": app_label})
    try:
        yield type(name, (base,), {"Meta": meta, "__module__": __name__, **attributes})
    finally:
        del apps.all_models[app_label][name.lower()]
        apps.clear_cache()

"""User models: the model classes that share the user's rows, for signals and updates.

These are the user model, its proxies, children and parents. The sender of a model signal is the
class of the object. A receiver for ``AUTH_USER_MODEL`` alone misses objects of the other classes,
which read and write the same row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, QuerySet
from django.db.models.signals import ModelSignal, class_prepared


def connect_user_signal(signal: ModelSignal, receiver: Callable[..., None]) -> None:
    """Connect ``receiver`` for all models that share the user's rows, present and future."""
    uid = f"refresh_sessions.{receiver.__name__.lstrip('_')}"

    def connect_model(sender: type[Model], **_: Any) -> None:
        if _stores_user(sender):
            signal.connect(receiver, sender=sender, dispatch_uid=uid)

    for model in apps.get_models(include_swapped=True):
        connect_model(model)
    # Proxies and children may be defined later.
    class_prepared.connect(connect_model, weak=False, dispatch_uid=f"{uid}.later_models")


def is_user(model: type[Model]) -> bool:
    """Whether a model is the user model or a proxy for the same table."""
    return model._meta.concrete_model is get_user_model()._meta.concrete_model


def get_user_lookup(instance: Model) -> tuple[str, Any]:
    """A filter for the user of a stored object: field name of the user model, and value.

    The name is ``"pk"`` for objects of the user model, its proxies and children. For a parent it
    is the parent's key, which the user model inherits. Only the key of the first parent is also
    the primary key of the user model.
    """
    user_model = get_user_model()
    if isinstance(instance, _concrete(user_model)):
        # The primary key of a child may differ from that of the user.
        return "pk", getattr(instance, user_model._meta.pk.attname)
    return instance._meta.pk.name, instance.pk


def find_model_with_column(name: str) -> type[Model] | None:
    """The user model or its parent whose table has the column ``name``, or None."""
    try:
        field = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return field.model if field.concrete else None


def get_user_row(column: str, user: Any, *, using: str) -> QuerySet[Any]:
    """The user's row in the table that has ``column``, for an atomic ``update()``.

    A queryset of the user model is not atomic for the columns of a parent. Django first reads the
    matching keys, and then updates those rows without the filter.
    """
    model: Any = find_model_with_column(column)
    key = getattr(user, model._meta.pk.attname)
    rows: QuerySet[Any] = model._base_manager.using(using).filter(pk=key)
    return rows


def _stores_user(model: type[Model]) -> bool:
    concrete = _concrete(get_user_model())
    parents = concrete._meta.get_parent_list()
    return issubclass(model, concrete) or model._meta.concrete_model in {concrete, *parents}


def _concrete(model: type[Model]) -> Any:
    return model._meta.concrete_model

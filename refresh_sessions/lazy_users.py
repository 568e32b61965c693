"""Lazy users: the user of an access token by primary key, loaded on first use."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ObjectDoesNotExist
from django.utils.functional import SimpleLazyObject, empty

from refresh_sessions.database import retry_transient
from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.lookups import find_by_value
from refresh_sessions.tenants import get_issuer

_EXPRESSION_ATTRIBUTES: Final = frozenset(
    {"resolve_expression", "get_source_expressions", "filterable", "as_sql"}
)
"""The attributes by which Django recognizes SQL expressions among filter values."""

_loaded_bool: Final[Callable[[Any], bool]] = SimpleLazyObject.__bool__


class LazyUser(SimpleLazyObject):  # type: ignore[type-arg]
    """A user that is loaded on first use, like Django's ``request.user``.

    The primary key, ``is_authenticated``, ``is_anonymous`` and the class need no query. Loading
    raises ``InvalidTokenError`` if the account was deleted or may not continue. It raises
    ``DatabaseBusyError`` if every attempt fails with a transient database error.

    Loading reads the whole row: the ``__init__`` of a user model may read any field.
    """

    _lazy_model: type[AbstractBaseUser]
    _lazy_key: Any
    _lazy_using: str
    _lazy_accepts: Callable[[AbstractBaseUser], bool]
    _lazy_issuer: str
    _lazy_error_context: Callable[[], AbstractContextManager[None]]

    def __init__(
        self,
        model: type[AbstractBaseUser],
        key: Any,
        *,
        using: str,
        accepts: Callable[[AbstractBaseUser], bool],
    ) -> None:
        super().__init__(self._lazy_load)
        self.__dict__.update(
            _lazy_model=model,
            _lazy_key=key,
            _lazy_using=using,
            _lazy_accepts=accepts,
            _lazy_issuer=get_issuer(),
            _lazy_error_context=nullcontext,
        )

    def __getattr__(self, name: str) -> Any:
        # Called for attributes that this class lacks. filter(user=request.user) must not load the
        # user, as it compares primary keys.
        if self._wrapped is empty:
            if name == "_meta":
                return self._lazy_model._meta
            if name == self._lazy_model._meta.pk.attname:
                return self._lazy_key
            if name in _EXPRESSION_ATTRIBUTES and not hasattr(self._lazy_model, name):
                raise AttributeError(name)
        return getattr(_get_loaded(self), name)

    @property
    def pk(self) -> Any:
        """The primary key."""
        return self._lazy_key if self._wrapped is empty else self._wrapped.pk

    @pk.setter
    def pk(self, value: Any) -> None:
        _get_loaded(self).pk = value

    def _is_pk_set(self) -> bool:
        # Django 6.0 and later call this for model instances in filters.
        return self.pk is not None

    @property
    def is_authenticated(self) -> bool:
        """True: the token was verified."""
        return True

    @property
    def is_anonymous(self) -> bool:
        """False, see ``is_authenticated``."""
        return False

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._lazy_model if self._wrapped is empty else self._wrapped.__class__

    def __bool__(self) -> bool:
        # Model instances are true unless their class defines __bool__ or __len__.
        if hasattr(self._lazy_model, "__bool__") or hasattr(self._lazy_model, "__len__"):
            return _loaded_bool(self)
        return True

    def __repr__(self) -> str:
        if self._wrapped is empty:
            return f"<LazyUser: {self._lazy_model._meta.label} {self._lazy_key}>"
        return repr(self._wrapped)

    def __copy__(self) -> Any:
        return self._lazy_clone() if self._wrapped is empty else super().__copy__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._lazy_clone() if self._wrapped is empty else super().__deepcopy__(memo)

    def _lazy_clone(self) -> LazyUser:
        clone = LazyUser(
            self._lazy_model,
            self._lazy_key,
            using=self._lazy_using,
            accepts=self._lazy_accepts,
        )
        clone.__dict__["_lazy_issuer"] = self._lazy_issuer
        return clone

    def _lazy_load(self) -> AbstractBaseUser:
        with self._lazy_error_context():
            return retry_transient(self._lazy_using, self._lazy_read)

    def _lazy_read(self) -> AbstractBaseUser:
        # After a change of tenant, the same key belongs to another user.
        if get_issuer() != self._lazy_issuer:
            raise InvalidTokenError
        users, key = self._lazy_model._default_manager.using(self._lazy_using), self._lazy_key
        try:
            with find_by_value(self._lazy_model._meta.pk, key, using=self._lazy_using):
                user = users.get(pk=key)
        except ObjectDoesNotExist:
            raise InvalidTokenError from None
        if not self._lazy_accepts(user):
            raise InvalidTokenError
        return user


def load_user(user: Any) -> Any:
    """The user itself, loaded from the database if it is lazy.

    Raises:
        InvalidTokenError: the account was deleted or may not continue.
        DatabaseBusyError: every attempt failed with a transient database error.

    """
    return _get_loaded(user) if _is_lazy(user) else user


def is_loaded(user: Any) -> bool:
    """Whether ``load_user`` needs no query."""
    return not _is_lazy(user) or vars(user)["_wrapped"] is not empty


def translate_load_errors(user: Any, context: Callable[[], AbstractContextManager[None]]) -> None:
    """Load a lazy user inside the context manager, which may translate exceptions.

    Args:
        user: the user; others than lazy ones stay as they are.
        context: returns the context manager; called at each load.

    """
    if _is_lazy(user):
        user.__dict__["_lazy_error_context"] = context


def _is_lazy(user: Any) -> bool:
    # isinstance() also reads __class__, which is the user model.
    return issubclass(type(user), LazyUser)


def _get_loaded(lazy: Any) -> Any:
    state = vars(lazy)
    if state["_wrapped"] is empty:
        state["_wrapped"] = state["_setupfunc"]()
    return state["_wrapped"]

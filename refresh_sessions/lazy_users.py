"""The user of a token whose session was not read: known by primary key, loaded on first use."""

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

_OF_EXPRESSIONS: Final = frozenset(
    {"resolve_expression", "get_source_expressions", "filterable", "as_sql"}
)
"""What Django looks for in a value of a filter, to find out whether it is SQL."""

_loaded_bool: Final[Callable[[Any], bool]] = SimpleLazyObject.__bool__


class LazyUser(SimpleLazyObject):  # type: ignore[type-arg]
    """A user, loaded as a whole on first use, as Django's ``request.user`` is.

    The primary key, ``is_authenticated``, ``is_anonymous`` and the class are known without a
    query. Loading raises ``InvalidTokenError`` if the account was deleted or may not continue, and
    ``DatabaseBusyError`` if the database does not answer.

    A whole row and no deferred fields: the ``__init__`` of a user model may read any of them.
    """

    _lazy_model: type[AbstractBaseUser]
    _lazy_key: Any
    _lazy_using: str
    _lazy_accepts: Callable[[AbstractBaseUser], bool]
    _lazy_issuer: str
    _lazy_failures: Callable[[], AbstractContextManager[None]]

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
            _lazy_failures=nullcontext,
        )

    def __getattr__(self, name: str) -> Any:
        # Called only for what this class does not have itself. What filters ask of a value needs
        # no query: filter(user=request.user) compares primary keys.
        if self._wrapped is empty:
            if name == "_meta":
                return self._lazy_model._meta
            if name == self._lazy_model._meta.pk.attname:
                return self._lazy_key
            if name in _OF_EXPRESSIONS and not hasattr(self._lazy_model, name):
                raise AttributeError(name)
        return getattr(_loaded(self), name)

    @property
    def pk(self) -> Any:
        """The primary key."""
        return self._lazy_key if self._wrapped is empty else self._wrapped.pk

    @pk.setter
    def pk(self, value: Any) -> None:
        _loaded(self).pk = value

    def _is_pk_set(self) -> bool:
        # Django 6.0 and later ask this of a model instance in a filter.
        return self.pk is not None

    @property
    def is_authenticated(self) -> bool:
        """Always true: the token was verified."""
        return True

    @property
    def is_anonymous(self) -> bool:
        """Always false."""
        return False

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return self._lazy_model if self._wrapped is empty else self._wrapped.__class__

    def __bool__(self) -> bool:
        # Every model instance is true, unless its class says otherwise.
        if hasattr(self._lazy_model, "__bool__") or hasattr(self._lazy_model, "__len__"):
            return _loaded_bool(self)
        return True

    def __repr__(self) -> str:
        if self._wrapped is empty:
            return f"<LazyUser: {self._lazy_model._meta.label} {self._lazy_key}>"
        return repr(self._wrapped)

    def __copy__(self) -> Any:
        return self._lazy_twin() if self._wrapped is empty else super().__copy__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self._lazy_twin() if self._wrapped is empty else super().__deepcopy__(memo)

    def _lazy_twin(self) -> LazyUser:
        twin = LazyUser(
            self._lazy_model,
            self._lazy_key,
            using=self._lazy_using,
            accepts=self._lazy_accepts,
        )
        twin.__dict__["_lazy_issuer"] = self._lazy_issuer
        return twin

    def _lazy_load(self) -> AbstractBaseUser:
        with self._lazy_failures():
            return retry_transient(self._lazy_using, self._lazy_read)

    def _lazy_read(self) -> AbstractBaseUser:
        # The project has changed to another tenant meanwhile, where the key is somebody else's.
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
    """The user itself; read from the database now if it is lazy and was not used yet.

    Raises:
        InvalidTokenError: the account was deleted or may not continue.
        DatabaseBusyError: the database did not answer in several tries.

    """
    return _loaded(user) if _is_lazy(user) else user


def translate_load_errors(user: Any, failures: Callable[[], AbstractContextManager[None]]) -> None:
    """Have a lazy user load within ``failures()``, which may raise other exceptions instead."""
    if _is_lazy(user):
        user.__dict__["_lazy_failures"] = failures


def _is_lazy(user: Any) -> bool:
    # Not isinstance() alone: that asks for __class__ too, which is the user's.
    return issubclass(type(user), LazyUser)


def _loaded(lazy: Any) -> Any:
    state = vars(lazy)
    if state["_wrapped"] is empty:
        state["_wrapped"] = state["_setupfunc"]()
    return state["_wrapped"]

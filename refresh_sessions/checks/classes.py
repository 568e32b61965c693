"""Checks of the classes in settings: whether this package can call them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from refresh_sessions.conf import NAMESPACE, Settings

_SERIALIZER: Final = "rest_framework.serializers.Serializer"
_POLICY: Final = "refresh_sessions.policies.SessionPolicy"
_METHOD: Final = "refresh_sessions.identity.AuthenticationMethod"
_CREDENTIALS: Final = ("username", "password")
_VALIDATING: Final = ("validate", "to_internal_value", "run_validation")
"""Methods of a serializer that can add keys to the validated data if they are overridden."""


def check_classes(settings: Settings) -> Iterator[CheckMessage]:
    """Find classes that can be imported but not used."""
    yield from _check_login_serializer(settings.LOGIN_SERIALIZER)
    named = {
        "LOGIN_SERIALIZER": (settings.LOGIN_SERIALIZER, _field_problems),
        "SESSION_SERIALIZER": (settings.SESSION_SERIALIZER, _session_problems),
        "POLICY": (settings.POLICY, _policy_problems),
    }
    methods = (
        (key, (path, _method_problems))
        for key in ("REAUTHENTICATION_METHODS", "SECOND_FACTORS")
        for path in getattr(settings, key)
    )
    for key, (path, find_problems) in (*named.items(), *methods):
        for problem in find_problems(_import_class(path)):
            yield Error(
                f"{NAMESPACE}[{key!r}] names {path!r}, which cannot be used: {problem}.",
                hint="Correct the class. The docstrings of its base class describe the calls.",
                id="refresh_sessions.E023",
            )


def _check_login_serializer(path: str) -> Iterator[CheckMessage]:
    serializer = _import_class(path)
    fields = _fields_of(serializer)
    if fields is None or _overrides_validation(serializer):
        return
    sources = {field.source for field in fields.values() if not field.read_only}
    if missing := [name for name in _CREDENTIALS if name not in sources]:
        yield Error(
            f"{NAMESPACE}['LOGIN_SERIALIZER'] names {path!r}, which validates no "
            f"{' and no '.join(missing)}: no login succeeds.",
            hint="Derive the serializer from refresh_sessions.rest_framework.serializers."
            "LoginSerializer; rename its fields with 'FIELD_NAMES', such as "
            "{'username': 'email'}.",
            id="refresh_sessions.E022",
        )


def _import_class(path: str) -> Any:
    """The class, or None for a wrong path, which another check reports."""
    try:
        found = import_string(path)
    except ImportError:
        return None
    return found if isinstance(found, type) else None


def _field_problems(serializer: Any) -> Iterator[str]:
    try:
        _read_fields(serializer)
    except (AssertionError, ImproperlyConfigured) as error:
        yield f"its fields cannot be built: {str(error).rstrip('.')}"
    except Exception:  # noqa: BLE001 - code of the project, which may need a request
        return


def _session_problems(serializer: Any) -> Iterator[str]:
    yield from _field_problems(serializer)
    fields = _fields_of(serializer)
    if fields is None:
        return
    session = import_string("refresh_sessions.models.DeviceSession")
    empty = import_string("rest_framework.fields.empty")
    for name, field in fields.items():
        method = getattr(field, "method_name", None)
        if method is not None and not hasattr(serializer, method):
            yield f"it has no method {method!r} for the field {name!r}"
        optional = not field.required or field.default is not empty or field.allow_null
        if field.write_only or field.source == "*" or optional:
            continue
        if not hasattr(session, field.source.partition(".")[0]):
            yield f"a device session has no attribute {field.source!r} for the field {name!r}"
    base = import_string("rest_framework.serializers.BaseSerializer")
    writable = any(not field.read_only for field in fields.values())
    if writable and serializer.update is base.update:
        yield "it has no method 'update', which is called to rename a session"


def _policy_problems(policy: Any) -> Iterator[str]:
    base = import_string(_POLICY)
    if policy is not None and issubclass(policy, base):
        yield from _instance_problems(policy)
        yield from _hook_problems(policy, base)


def _method_problems(method: Any) -> Iterator[str]:
    base = import_string(_METHOD)
    if method is None or not issubclass(method, base):
        return
    yield from _instance_problems(method)
    yield from _hook_problems(method, base)
    for name in ("name", "amr"):
        value = getattr(method, name, None)
        if isinstance(value, property):
            continue
        if not isinstance(value, str) or not value:
            yield f"its attribute {name!r} must be a non-empty string"
    for name in ("is_available", "verify"):
        if getattr(method, name) is getattr(base, name):
            yield f"it has no method {name!r}"


def _instance_problems(cls: type) -> Iterator[str]:
    """Find reasons why the class cannot be instantiated without arguments."""
    if abstract := sorted(getattr(cls, "__abstractmethods__", ())):
        yield f"it does not implement {', '.join(map(repr, abstract))}"
        return
    try:
        inspect.signature(cls).bind()
    except TypeError as error:
        yield f"its constructor is called without arguments: {error}"
    except ValueError:  # no signature, such as of a class written in C
        return


def _hook_problems(cls: type, base: type) -> Iterator[str]:
    """Find overridden methods with a wrong signature, and async ones."""
    for name, hook in vars(base).items():
        override = inspect.getattr_static(cls, name)
        if name.startswith("_") or override is hook or not inspect.isfunction(hook):
            continue
        function = inspect.unwrap(getattr(override, "__func__", override))
        if not callable(function):
            yield f"its {name!r} is not a method"
        elif inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            yield f"its method {name!r} is async, but is called without await"
        elif (problem := _binding_problem(override, hook)) is not None:
            yield f"its method {name!r} is called with other arguments: {problem}"


def _binding_problem(override: Any, hook: Any) -> str | None:
    """The reason why ``override`` cannot be called with the arguments of ``hook``, or None."""
    parameters = list(inspect.signature(hook).parameters.values())
    keywords = {item.name: None for item in parameters if item.kind is item.KEYWORD_ONLY}
    positional = [None] * (len(parameters) - len(keywords))
    if isinstance(override, staticmethod):
        positional.pop()
    function = getattr(override, "__func__", override)
    try:
        inspect.signature(function).bind(*positional, **keywords)
    except TypeError as error:
        return str(error)
    except ValueError:
        return None
    return None


def _fields_of(serializer: Any) -> Any:
    """The fields of a serializer by name, or None if they cannot be built."""
    try:
        return _read_fields(serializer)
    except Exception:  # noqa: BLE001 - code of the project, which may need a request
        return None


def _read_fields(serializer: Any) -> Any:
    base = import_string(_SERIALIZER)
    if serializer is None or not issubclass(serializer, base):
        return None
    context = {"request": None, "view": None}
    return dict(serializer(context=context).fields)


def _overrides_validation(serializer: Any) -> bool:
    base = import_string(_SERIALIZER)
    return any(getattr(serializer, name) is not getattr(base, name) for name in _VALIDATING)

"""Errors about settings that cannot work; reported by every check."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldDoesNotExist
from django.utils.module_loading import import_string

from refresh_sessions.checks.bound_sessions import check_library
from refresh_sessions.checks.classes import check_classes
from refresh_sessions.checks.device_sessions import check_device_sessions
from refresh_sessions.checks.throttles import check_rates
from refresh_sessions.checks.users import check_users
from refresh_sessions.checks.views import transports_in_use
from refresh_sessions.conf import NAMESPACE, Settings, find_problems

_SHORTEST_LIFETIME: Final = timedelta(seconds=1)

_COOKIE_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 6265; Python refuses other names of cookies."""

# Imported late: REST framework reads settings of the project at its import, and these can import
# from the project's apps.
_DOTTED_PATHS: Final = (
    ("POLICY", "refresh_sessions.policies.SessionPolicy"),
    ("LOGIN_SERIALIZER", "rest_framework.serializers.BaseSerializer"),
    ("SESSION_SERIALIZER", "rest_framework.serializers.BaseSerializer"),
    ("REAUTHENTICATION_METHODS", "refresh_sessions.identity.AuthenticationMethod"),
    ("SECOND_FACTORS", "refresh_sessions.identity.AuthenticationMethod"),
)


def find_malformed_settings() -> Iterator[CheckMessage]:
    """Find all problems for which ``REFRESH_SESSIONS`` cannot be parsed."""
    for problem in find_problems(getattr(django_settings, NAMESPACE, {})):
        yield Error(
            problem,
            hint=f"Correct the key in {NAMESPACE}, or remove it for the default.",
            id="refresh_sessions.E001",
        )


def find_errors(settings: Settings) -> Iterator[CheckMessage]:
    """Find settings of the right type that cannot work."""
    yield from _check_time_zones()
    yield from _check_durations(settings)
    yield from _check_dotted_paths(settings)
    yield from _check_tenant(settings.TENANT)
    yield from check_classes(settings)
    yield from _check_second_factors(settings)
    yield from _check_methods(settings)
    yield from check_users()
    yield from _check_user_id_field(settings)
    yield from _check_audience(settings)
    yield from _check_cache(settings)
    yield from check_library(settings)
    yield from check_rates()
    yield from check_device_sessions(settings)
    if "cookie" in transports_in_use(settings):
        yield from _check_cookie(settings)


def _check_time_zones() -> Iterator[CheckMessage]:
    if not django_settings.USE_TZ:
        yield Error(
            "USE_TZ is False, so the deadlines of sessions are ambiguous.",
            hint="Set USE_TZ = True. TIME_ZONE can stay unchanged.",
            id="refresh_sessions.E002",
        )


def _check_durations(settings: Settings) -> Iterator[CheckMessage]:
    for key in (
        *("ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME", "SESSION_LIFETIME"),
        "BOUND_COOKIE_LIFETIME",
    ):
        if getattr(settings, key) < _SHORTEST_LIFETIME:
            yield Error(
                f"{NAMESPACE}[{key!r}] is shorter than a second. Tokens contain whole seconds, so "
                "such a token is expired when it is issued.",
                hint="Use timedelta(seconds=1) or longer.",
                id="refresh_sessions.E003",
            )
    if settings.ROTATION_OVERLAP >= settings.REFRESH_TOKEN_LIFETIME:
        yield Error(
            f"{NAMESPACE}['ROTATION_OVERLAP'] is not shorter than 'REFRESH_TOKEN_LIFETIME'. "
            "Within the overlap no token is rotated, so each session ends before its second "
            "rotation.",
            hint="Use seconds: the longest time that requests of a client run in parallel.",
            id="refresh_sessions.E004",
        )


def _check_dotted_paths(settings: Settings) -> Iterator[CheckMessage]:
    for key, base_path in _DOTTED_PATHS:
        named, base = getattr(settings, key), import_string(base_path)
        for path in (named,) if isinstance(named, str) else named:
            yield from _check_dotted_path(key, path, base, base_path)


def _check_dotted_path(key: str, path: str, base: type, base_path: str) -> Iterator[CheckMessage]:
    try:
        found = import_string(path)
    except ImportError as error:
        yield Error(
            f"{NAMESPACE}[{key!r}] names {path!r}, which cannot be imported: {error}.",
            hint="Give the full dotted path of a class, such as 'accounts.sessions.Policy'.",
            id="refresh_sessions.E005",
        )
        return
    if not (isinstance(found, type) and issubclass(found, base)):
        yield Error(
            f"{NAMESPACE}[{key!r}] must name a subclass of {base_path}; {path} is not one.",
            hint="Name the class itself, not an instance, a function or a module.",
            id="refresh_sessions.E006",
        )


def _check_tenant(path: str) -> Iterator[CheckMessage]:
    try:
        found = import_string(path)
    except ImportError as error:
        problem = f"cannot be imported: {error}"
    else:
        if not inspect.iscoroutinefunction(found) and _is_called_without_arguments(found):
            return
        problem = "cannot be called without arguments and without await"
    yield Error(
        f"{NAMESPACE}['TENANT'] names {path!r}, which {problem}.",
        hint="Give the full dotted path of a function that returns the name of the current "
        "tenant, or an empty string without a tenant.",
        id="refresh_sessions.E024",
    )


def _is_called_without_arguments(found: Any) -> bool:
    try:
        inspect.signature(found).bind()
    except TypeError:
        return False
    except ValueError:  # no signature, such as of a function written in C
        return True
    return True


def _check_second_factors(settings: Settings) -> Iterator[CheckMessage]:
    for path in settings.SECOND_FACTORS:
        try:
            is_second = getattr(import_string(path), "second_factor", True)
        except ImportError:
            continue
        if not is_second:
            yield Error(
                f"{NAMESPACE}['SECOND_FACTORS'] names {path!r}, which is not a second factor: a "
                "re-authentication would not require it.",
                hint="Set second_factor = True on the class, or move it to "
                "'REAUTHENTICATION_METHODS'.",
                id="refresh_sessions.E019",
            )


def _check_methods(settings: Settings) -> Iterator[CheckMessage]:
    for key in ("REAUTHENTICATION_METHODS", "SECOND_FACTORS"):
        for path in getattr(settings, key):
            try:
                find_problems = import_string(path)().find_problems
            except (AttributeError, ImportError, TypeError):
                continue  # Not an authentication method: reported as E005, E006 or E023.
            for problem, hint in find_problems():
                yield Error(
                    f"{NAMESPACE}[{key!r}] names {path!r}, which cannot work: {problem}",
                    hint=hint,
                    id="refresh_sessions.E020",
                )


def _check_user_id_field(settings: Settings) -> Iterator[CheckMessage]:
    name, options = settings.USER_ID_FIELD, get_user_model()._meta
    if name == "pk":
        return
    try:
        field: Any = options.get_field(name)
    except FieldDoesNotExist:
        field = None
    # The token contains the value as text, and the user is found by that text. A relation has an
    # object as its value; the column of the relation is allowed ("owner_id").
    if field is None or not _has_plain_value(field, name):
        yield Error(
            f"{NAMESPACE}['USER_ID_FIELD'] is {name!r}, which is not a plain field of "
            f"{options.label}.",
            hint="Name a field with a unique value per user; 'pk' always works.",
            id="refresh_sessions.E007",
        )
        return
    constraints = {tuple(constraint.fields) for constraint in options.total_unique_constraints}
    if field.null or not (field.unique or (field.name,) in constraints):
        yield Error(
            f"{NAMESPACE}['USER_ID_FIELD'] is {name!r}, and two users of {options.label} can "
            "have the same value: access tokens would not distinguish them.",
            hint="Declare the field unique=True and null=False, or use 'pk'.",
            id="refresh_sessions.E008",
        )


def _has_plain_value(field: Any, name: str) -> bool:
    own_column = field.concrete and not field.many_to_many
    return own_column and (not field.is_relation or field.attname == name)


def _check_audience(settings: Settings) -> Iterator[CheckMessage]:
    audience, issuer = settings.AUDIENCE, settings.ISSUER
    # With a tenant: "shop/berlin#refresh".
    if audience == f"{issuer}#refresh" or (
        audience.startswith(f"{issuer}/") and audience.endswith("#refresh")
    ):
        yield Error(
            f"{NAMESPACE}['AUDIENCE'] is the audience of refresh tokens.",
            hint="Choose another audience for access tokens, such as the name of your API.",
            id="refresh_sessions.E009",
        )


def _check_cache(settings: Settings) -> Iterator[CheckMessage]:
    check, alias = settings.ACCESS_TOKEN_CHECK, settings.CACHE_ALIAS
    if check == "cache" and alias not in django_settings.CACHES:
        yield Error(
            f"{NAMESPACE}['ACCESS_TOKEN_CHECK'] is 'cache', but CACHES has no {alias!r}.",
            hint=f"Add the cache to CACHES, or name another in {NAMESPACE}['CACHE_ALIAS'].",
            id="refresh_sessions.E010",
        )


def _check_cookie(settings: Settings) -> Iterator[CheckMessage]:
    if not _COOKIE_NAME.fullmatch(settings.COOKIE_NAME):
        yield Error(
            f"{NAMESPACE}['COOKIE_NAME'] is {settings.COOKIE_NAME!r}, which is not a valid name "
            "of a cookie.",
            hint="Use letters, digits, '-' and '_'.",
            id="refresh_sessions.E011",
        )
    if broken := list(_broken_prefix_rules(settings)):
        yield Error(
            f"Browsers refuse the cookie {settings.COOKIE_NAME!r}: with the prefix of its name "
            f"{' and '.join(broken)}.",
            hint=f"Change {NAMESPACE}, or choose a 'COOKIE_NAME' without the prefix.",
            id="refresh_sessions.E012",
        )
    if settings.COOKIE_SAMESITE == "None" and not settings.COOKIE_SECURE:
        yield Error(
            f"Browsers refuse the cookie {settings.COOKIE_NAME!r}: 'COOKIE_SAMESITE' is 'None' "
            "and 'COOKIE_SECURE' is False.",
            hint=f"Set {NAMESPACE}['COOKIE_SECURE'] to True.",
            id="refresh_sessions.E013",
        )


def _broken_prefix_rules(settings: Settings) -> Iterator[str]:
    # Browsers compare the prefixes case-insensitively.
    name = settings.COOKIE_NAME.lower()
    if name.startswith(("__host-", "__secure-", "__http-")) and not settings.COOKIE_SECURE:
        yield "'COOKIE_SECURE' must be True"
    if name.startswith("__host-") and settings.COOKIE_PATH != "/":
        yield "'COOKIE_PATH' must be '/'"
    if name.startswith("__host-") and settings.COOKIE_DOMAIN is not None:
        yield "'COOKIE_DOMAIN' must be None"

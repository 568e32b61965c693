"""Checks of the project's views: which transports they use, and whether they accept tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Warning  # noqa: A004  (Django's name)
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import import_string

from refresh_sessions.conf import Settings

_AUTHENTICATION: Final = "refresh_sessions.rest_framework.authentication.AccessTokenAuthentication"

_TOOLS: Final = ("rest_framework", "drf_spectacular", "drf_yasg")
"""Packages with views that describe an API and do not belong to it."""


def check_authentication() -> Iterator[CheckMessage]:
    """Warn if a project issues access tokens and none of its API views accepts them."""
    if not getattr(django_settings, "ROOT_URLCONF", None):
        return
    # Imported late: REST framework reads settings that can import from the project's apps.
    base: Any = import_module("refresh_sessions.rest_framework.views.base").SessionsAPIView
    callbacks = list(_api_callbacks(get_resolver().url_patterns))
    issues_tokens = any(issubclass(callback.cls, base) for callback in callbacks)
    own = [callback for callback in callbacks if _belongs_to_project(callback.cls, base)]
    authenticating = [callback for callback in own if _authenticates(callback)]
    if not issues_tokens or not authenticating:
        return
    if _accept_tokens(_default_classes()) or any(map(_accepts_tokens, own)):
        return
    view = authenticating[0].cls
    yield Warning(
        "No API view of this project accepts access tokens: AccessTokenAuthentication is neither "
        "in DEFAULT_AUTHENTICATION_CLASSES in REST_FRAMEWORK nor in the authentication_classes "
        f"of a view. For example, request.auth is None in {view.__module__}.{view.__name__}.",
        hint=f"Add '{_AUTHENTICATION}' to DEFAULT_AUTHENTICATION_CLASSES, or to the views that "
        "need it. Silence this check if a class of yours calls check_access_token instead.",
        id="refresh_sessions.W021",
    )


def transports_in_use(settings: Settings) -> set[str]:
    """The transport of the settings, and those of mounted views that choose their own."""
    found = {str(settings.TRANSPORT)}
    if getattr(django_settings, "ROOT_URLCONF", None):
        # Django's own checks report a URLconf that cannot be imported.
        with suppress(Exception):
            for callback in _api_callbacks(get_resolver().url_patterns):
                found.add(str(getattr(callback.cls, "transport", None)))
    return found & {"body", "cookie"}


def _api_callbacks(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[Any]:
    """The callbacks of REST framework's views, which decorators leave recognizable."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _api_callbacks(pattern.url_patterns)
            continue
        view = getattr(pattern.callback, "cls", None)
        if isinstance(view, type) and issubclass(view, _api_view()):
            yield pattern.callback


def _belongs_to_project(view: type, base: type) -> bool:
    return not issubclass(view, base) and view.__module__.partition(".")[0] not in _TOOLS


def _authenticates(callback: Any) -> bool:
    """Whether the view authenticates; its own empty list turns authentication off."""
    classes = _classes_of(callback)
    return bool(classes) or classes is _api_view().authentication_classes


def _accepts_tokens(callback: Any) -> bool:
    # A view with its own get_authenticators may choose AccessTokenAuthentication.
    is_dynamic = callback.cls.get_authenticators is not _api_view().get_authenticators
    return is_dynamic or _accept_tokens(_classes_of(callback))


def _classes_of(callback: Any) -> Iterable[Any]:
    own: Iterable[Any] = callback.cls.authentication_classes
    # An argument of as_view() overrides the attribute of the class.
    return callback.initkwargs.get("authentication_classes", own)  # type: ignore[no-any-return]


def _accept_tokens(classes: Iterable[Any]) -> bool:
    base: type = import_string(_AUTHENTICATION)
    return any(isinstance(one, type) and issubclass(one, base) for one in classes)


def _default_classes() -> Iterable[Any]:
    settings: Any = import_string("rest_framework.settings.api_settings")
    classes: Iterable[Any] = settings.DEFAULT_AUTHENTICATION_CLASSES
    return classes


def _api_view() -> Any:
    return import_string("rest_framework.views.APIView")

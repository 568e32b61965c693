"""URLs of the pages, wherever the project has mounted them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import product
from typing import Any, Final

from django.http import HttpRequest
from django.urls import NoReverseMatch, ResolverMatch, reverse

APP_NAME: Final = "refresh_sessions_pages"
"""The application namespace of the pages."""


def page_url(request: HttpRequest | None, name: str, **arguments: Any) -> str:
    """The URL of a page, in the same namespace and below the same prefix as this request.

    The variables of a prefix such as ``<slug:tenant>/devices/`` keep the values of the request. A
    view of the project may be mounted elsewhere, with more variables or none; then the outermost
    variables that the page accepts are used.

    Args:
        request: the current request, if there is one.
        name: the name of the page in ``refresh_sessions.urls_pages``, such as ``"session-list"``.
        arguments: the variables of the page's own path, such as ``session_id``.

    Raises:
        NoReverseMatch: the pages are not mounted, or need variables that the request lacks.

    """
    match = request.resolver_match if request is not None else None
    current = match.namespace if match else None
    for namespace, variables in product(_namespaces(match), _variables(match, arguments)):
        kwargs = {**variables, **arguments}
        with suppress(NoReverseMatch):
            return reverse(f"{namespace}:{name}", kwargs=kwargs, current_app=current)
    # Raise NoReverseMatch with Django's message.
    return reverse(f"{APP_NAME}:{name}", kwargs=arguments)


def _namespaces(match: ResolverMatch | None) -> Iterator[str]:
    """Candidate namespaces of the pages, from the namespace of the request to the outermost."""
    around = match.namespaces if match else []
    if match and APP_NAME in match.app_names:
        around = around[: match.app_names.index(APP_NAME)]
    for depth in range(len(around), -1, -1):
        yield ":".join([*around[:depth], APP_NAME])


def _variables(
    match: ResolverMatch | None, arguments: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """The variables of the request's URL: all of them, then without the last, down to none."""
    # A resolver puts the variables of a prefix before those of the path below it.
    inherited = [
        item for item in (match.kwargs if match else {}).items() if item[0] not in arguments
    ]
    for count in range(len(inherited), -1, -1):
        yield dict(inherited[:count])

"""One operation in the words of OpenAPI, with the failures that are common to all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from refresh_sessions.conf import get_settings
from refresh_sessions.rest_framework.schema import shapes
from refresh_sessions.transports import get_transport

_REASONS: Final[Mapping[int, str]] = {
    400: "The body cannot be read, or `errors` names its faults.",
    401: "Refused, see `code`.",
    403: "Refused, see `code`.",
    404: "There is no such thing.",
    409: "`refresh_superseded`: a sibling has stored a newer token.",
    413: "`body_too_large`: the body has more than 131072 bytes.",
    415: "The body is not JSON in UTF-8.",
    429: "`throttled`: come back later. The token is not consumed.",
    503: "`database_busy`, `throttle_unavailable`: come back soon. The token is not consumed.",
}
_WAITING: Final = (429, 503)


def operation(
    description: str,
    *,
    request: Any = None,
    answers: Mapping[int, Any],
    failures: Iterable[int],
    parameters: Iterable[OpenApiParameter] = (),
) -> Callable[[Any], Any]:
    """A decorator for the method of a view, as ``extend_schema`` makes it.

    Args:
        description: in Markdown.
        request: serializer of the body, None where there is none.
        answers: by status.
        failures: statuses besides those that all endpoints have.
        parameters: of the path, or cookies.

    """
    failing = sorted({*failures, *_failures_of_all(takes_body=request is not None)})
    problems = {
        status: OpenApiResponse(shapes.SessionProblemSerializer, _REASONS[status])
        for status in failing
    }
    waiting = [status for status in failing if status in _WAITING]
    retry_after = OpenApiParameter(
        "Retry-After", int, OpenApiParameter.HEADER, description="Seconds.", response=waiting
    )
    return extend_schema(
        description=description,
        request=request,
        responses={**answers, **problems},
        parameters=[*parameters, *([retry_after] if waiting else [])],
    )


def _failures_of_all(*, takes_body: bool) -> Iterator[int]:
    yield 413
    if takes_body:
        yield from (400, 415)
    if not get_transport().in_body:
        yield 403


def refresh_cookie(*, required: bool) -> Iterator[OpenApiParameter]:
    """The refresh token, where a cookie carries it."""
    if not get_transport().in_body:
        name = get_settings().COOKIE_NAME
        yield OpenApiParameter(name, str, OpenApiParameter.COOKIE, required=required)


def companion_cookie() -> Iterator[OpenApiParameter]:
    """The companion cookie, where the refresh token is in the body."""
    if get_transport().in_body and get_settings().COMPANION_COOKIE != "off":
        yield OpenApiParameter(
            "__Host-refresh_companion",
            str,
            OpenApiParameter.COOKIE,
            description="As the login has set it; browsers send it by themselves.",
        )


def presented_token(serializer: Any) -> Any:
    """The serializer of a refresh token in the body, None where a cookie carries it."""
    return serializer if get_transport().in_body else None

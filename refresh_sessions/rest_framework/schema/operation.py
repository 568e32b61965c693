"""One operation of the OpenAPI schema: its parameters, bodies and statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from refresh_sessions.conf import get_settings
from refresh_sessions.request_transport import TransportName, get_transport_name
from refresh_sessions.rest_framework.schema import serializers
from refresh_sessions.rest_framework.schema.proofs import (
    PROOF_REASONS,
    are_proofs_read,
    proof_headers,
)

_REASONS: Final[Mapping[int, str]] = {
    400: "The body is malformed, or `errors` names the invalid fields.",
    401: "Refused, see `code`.",
    403: "Refused, see `code`.",
    404: "Not found.",
    409: "`refresh_superseded`: the client has stored a newer token already.",
    413: "`body_too_large`: the body has more than 131072 bytes.",
    415: "The body is not JSON in UTF-8.",
    429: "`throttled`: retry after `Retry-After` seconds. The token is not consumed.",
    503: "`database_busy`, `throttle_unavailable`: retry soon. The token is not consumed.",
}

_RETRYABLE: Final = (429, 503)


def operation(
    description: str,
    *,
    request: Any = None,
    answers: Mapping[int, Any],
    failures: Iterable[int],
    parameters: Iterable[OpenApiParameter] = (),
    takes_proof: bool = False,
) -> Callable[[Any], Any]:
    """A decorator for a method of a view, made with ``extend_schema``.

    Args:
        description: text in Markdown.
        request: serializer of the body, or None for an operation without a body.
        answers: serializers or responses by status.
        failures: statuses of errors, besides those of all endpoints.
        parameters: path parameters and cookies.
        takes_proof: whether clients with a key send a DPoP proof.

    """
    with_proof = takes_proof and are_proofs_read()
    more = PROOF_REASONS if with_proof else {}
    failing = sorted({*failures, *_common_failures(takes_body=request is not None)})
    problems = {
        status: OpenApiResponse(
            serializers.SessionProblemSerializer, f"{_REASONS[status]}{more.get(status, '')}"
        )
        for status in failing
    }
    retryable = [status for status in failing if status in _RETRYABLE]
    retry_after = OpenApiParameter(
        "Retry-After", int, OpenApiParameter.HEADER, description="Seconds.", response=retryable
    )
    return extend_schema(
        description=description,
        request=request,
        responses={**_with_transport(answers), **problems},
        parameters=[
            *parameters,
            *(proof_headers() if with_proof else ()),
            *([retry_after] if retryable else []),
        ],
    )


_transport: ContextVar[TransportName | None] = ContextVar(
    "refresh_sessions_described_transport", default=None
)
"""The transport of the view that is described; None for that of the settings."""


@contextmanager
def describe_transport(transport: TransportName | None) -> Iterator[None]:
    """Describe operations for a transport; None for that of the settings."""
    token = _transport.set(transport)
    try:
        yield
    finally:
        _transport.reset(token)


def _is_in_body() -> bool:
    return (_transport.get() or get_transport_name(None)) == "body"


def _with_transport(answers: Mapping[int, Any]) -> Mapping[int, Any]:
    transport = _transport.get()
    return {
        status: serializers.with_transport(answer, transport) for status, answer in answers.items()
    }


def _common_failures(*, takes_body: bool) -> Iterator[int]:
    yield 413
    if takes_body:
        yield from (400, 415)
    if not _is_in_body():
        yield 403


def refresh_cookie(*, required: bool) -> Iterator[OpenApiParameter]:
    """The parameter of the refresh cookie, with the cookie transport."""
    if not _is_in_body():
        name = get_settings().COOKIE_NAME
        yield OpenApiParameter(name, str, OpenApiParameter.COOKIE, required=required)


def companion_cookie() -> Iterator[OpenApiParameter]:
    """The parameter of the companion cookie, with the body transport."""
    if _is_in_body() and get_settings().COMPANION_COOKIE != "off":
        yield OpenApiParameter(
            "__Host-refresh_companion",
            str,
            OpenApiParameter.COOKIE,
            description="Set by the login; browsers send it automatically.",
        )


def presented_token(serializer: Any) -> Any:
    """``serializer`` with the body transport, None with the cookie transport."""
    return serializer if _is_in_body() else None

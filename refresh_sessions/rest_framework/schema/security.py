"""What our authentication class is, in the words of OpenAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema

_TARGET: Final = "refresh_sessions.rest_framework.authentication.AccessTokenAuthentication"


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A bearer token.

    A project's subclass is a scheme of its own, by the name of the class: drf-spectacular warns of
    two classes that share one.
    """

    target_class = _TARGET
    match_subclasses = True
    name = "accessToken"

    def __init__(self, target: object) -> None:
        super().__init__(target)  # type: ignore[no-untyped-call]
        kind = target.__class__
        if f"{kind.__module__}.{kind.__name__}" != _TARGET:
            self.name = kind.__name__[0].lower() + kind.__name__[1:]

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """The security scheme that views with this class refer to."""
        scheme: dict[str, Any] = build_bearer_security_scheme_object(
            header_name="Authorization",
            token_prefix="Bearer",  # noqa: S106  (a word of the header, no password)
            bearer_format="JWT",
        )
        return scheme

"""Choice of the transport of a request: by the view, by the project, or by ``TRANSPORT``."""

from __future__ import annotations

from typing import Final, Literal

from django.http import HttpRequest

from refresh_sessions.conf import get_settings

TransportName = Literal["body", "cookie"]

_ATTRIBUTE: Final = "_refresh_sessions_transport"


def set_transport(request: HttpRequest, name: TransportName) -> None:
    """Choose the transport of a request, before a session is started or refreshed with it.

    Choose by something that the client sends explicitly, such as the URL, and never by its user
    agent: a wrong guess shows a script the token that its cookie was to hide.

    Args:
        request: Django's request.
        name: "body" or "cookie".

    Raises:
        ValueError: there is no such transport.

    """
    if name not in {"body", "cookie"}:
        raise ValueError(f"The transport must be 'body' or 'cookie', not {name!r}.")
    setattr(request, _ATTRIBUTE, name)


def get_transport_name(request: HttpRequest | None) -> TransportName:
    """The chosen transport of a request; the setting ``TRANSPORT`` without a choice or request."""
    chosen: TransportName | None = getattr(request, _ATTRIBUTE, None)
    return chosen or get_settings().TRANSPORT

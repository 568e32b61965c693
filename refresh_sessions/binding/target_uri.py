"""Target URIs: compare the URL of a proof with that of its request (RFC 9449 §4.3)."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from django.http import HttpRequest

from refresh_sessions.conf import get_settings

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class TargetURI(NamedTuple):
    """A URL without query and fragment, normalized as RFC 3986 §6.2.2 and §6.2.3 say."""

    scheme: str
    host: str
    port: int | None
    path: bytes
    """Decoded: WSGI servers decode the path, so its original encoding is unknown."""


def parse_target_uri(url: str) -> TargetURI:
    """Parse and normalize an absolute URL.

    Raises:
        ValueError: not an HTTP URL, or one with a user name.

    """
    if any(ord(char) <= ord(" ") for char in url):
        # urlsplit() removes some of them.
        raise ValueError("white space or a control character")
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("not an HTTP URL")
    return TargetURI(
        scheme=scheme,
        host=parts.hostname.lower(),
        port=_get_port(parts, scheme),
        path=unquote_to_bytes(parts.path or "/"),
    )


def get_target_uri(request: HttpRequest) -> TargetURI:
    """The URL of a request as its client knows it.

    ``PUBLIC_ORIGIN`` replaces scheme and host. Without it, they are those of
    ``request.build_absolute_uri()``, so that ``SECURE_PROXY_SSL_HEADER`` and
    ``USE_X_FORWARDED_HOST`` apply.

    Raises:
        DisallowedHost: the header ``Host`` is not in ``ALLOWED_HOSTS``.

    """
    origin = get_settings().PUBLIC_ORIGIN
    uri = parse_target_uri(origin or request.build_absolute_uri("/"))
    # The paths of Django are decoded, and have the prefix SCRIPT_NAME.
    return uri._replace(path=request.path.encode("utf-8", "surrogateescape"))


def _get_port(parts: SplitResult, scheme: str) -> int | None:
    return None if parts.port == _DEFAULT_PORTS[scheme] else parts.port

"""A service with only the public keys: ``python -m tests.interop.service URL SECONDS``.

The service does not use Django, and caches the keys for the given time.

The function ``verify`` is exactly the recipe of docs/keys.md. The service ends with its standard
input; its first line of output is its port.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

import jwt

from tests.interop.wsgi_server import serve

_ADDRESS, _SECONDS = [*sys.argv[1:], "http://127.0.0.1/", "300"][:2]
keys = jwt.PyJWKClient(_ADDRESS, lifespan=float(_SECONDS))


def verify(token: str) -> dict[str, Any]:
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("not an access token")
    return jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token),
        algorithms=["ES256", "EdDSA", "PS256"],
        issuer="refresh_sessions",
        audience="refresh_sessions.access",
        leeway=5,
        options={"require": ["exp", "iat", "sub", "jti", "client_id"], "strict_aud": True},
    )


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    token = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
    try:
        status, result = "200 OK", {"sub": verify(token)["sub"], "django": "django" in sys.modules}
    except jwt.PyJWTError as error:
        status, result = "401 Unauthorized", {"error": f"{type(error).__name__}: {error}"}
    start_response(status, [("Content-Type", "application/json")])
    return [json.dumps(result).encode()]


if __name__ == "__main__":
    serve(application)

"""A client of the HTTP API that checks the common rules in each answer."""

import json
from typing import Any

from rest_framework.test import APIClient

from tests.api.openapi_comparison import check_description

CHALLENGE = 'Bearer realm="api"'


class Client:
    """Sends requests to the endpoints below ``/auth/``."""

    def __init__(self, **options: Any) -> None:
        self.raw = APIClient(**options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.request("post", path, body, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self.request("get", path, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.request("patch", path, body, **options)

    def delete(self, path: str, **options: Any) -> Any:
        return self.request("delete", path, **options)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        access: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> Any:
        """Send JSON, with ``access`` as bearer token; ``path`` is below ``/auth/``."""
        headers = dict(headers or {})
        if access is not None:
            headers["authorization"] = f"Bearer {access}"
        if body is not None:
            # Escaped to ASCII, so that a lone surrogate reaches the server.
            body = json.dumps(body)
            options = {"data": body, "content_type": "application/json", **options}
        answer = getattr(self.raw, method)(f"/auth/{path}", headers=headers, **options)
        check_contract(answer)
        check_description(answer, method=method, path=path)
        return answer


def check_contract(answer: Any) -> None:
    """Check the rules of every answer of the package."""
    assert answer["Cache-Control"] == "no-store"
    check_form(answer)


def check_form(answer: Any) -> None:
    """Check the rules that also apply to the keys, which caches may store."""
    assert answer.status_code < 500 or answer.status_code == 503
    if answer.status_code != 204:
        assert answer["Content-Type"] == "application/json"
    if answer.status_code >= 400:
        body = answer.json()
        assert isinstance(body["detail"], str)
        assert isinstance(body["code"], str)
        # OAuth endpoints also answer with the error fields of their RFCs.
        assert body.get("error", body["code"]) == body["code"]
        known = {"detail", "code", "reason", "errors", "error", "methods", "ticket", "expires_at"}
        assert set(body) <= known
    if answer.status_code == 401:
        # Services are not users, and authenticate in another way.
        service = answer.json()["code"] == "invalid_client"
        assert answer["WWW-Authenticate"].startswith("Basic " if service else CHALLENGE)
    else:
        assert "WWW-Authenticate" not in answer
    if answer.status_code in {429, 503}:
        assert int(answer["Retry-After"]) > 0


def problem(answer: Any) -> tuple[int, str]:
    """Return status and code of an error, with its reason if there is one."""
    body = answer.json()
    code = "/".join(part for part in (body["code"], body.get("reason")) if part)
    return answer.status_code, code

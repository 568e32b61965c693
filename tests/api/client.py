"""A client of the HTTP contract that checks in every answer what holds for all of them."""

import json
from typing import Any

from rest_framework.test import APIClient

from tests.api.described import check_description

CHALLENGE = 'Bearer realm="api"'


class Client:
    """Speaks to the endpoints below ``/auth/``."""

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
            # Escaped to ASCII, so that a lone surrogate gets as far as the server.
            body = json.dumps(body)
            options = {"data": body, "content_type": "application/json", **options}
        answer = getattr(self.raw, method)(f"/auth/{path}", headers=headers, **options)
        check_contract(answer)
        check_description(answer, method=method, path=path)
        return answer


def check_contract(answer: Any) -> None:
    """What holds for every answer of the package."""
    assert answer["Cache-Control"] == "no-store"
    check_form(answer)


def check_form(answer: Any) -> None:
    """What holds also for the keys, which anybody may keep."""
    assert answer.status_code < 500 or answer.status_code == 503
    if answer.status_code != 204:
        assert answer["Content-Type"] == "application/json"
    if answer.status_code >= 400:
        body = answer.json()
        assert isinstance(body["detail"], str)
        assert isinstance(body["code"], str)
        # For clients of OAuth the endpoints of its RFCs say it in OAuth's way as well.
        assert body.get("error", body["code"]) == body["code"]
        known = {"detail", "code", "reason", "errors", "error", "methods", "ticket", "expires_at"}
        assert set(body) <= known
    if answer.status_code == 401:
        # Services are no users, and authenticate in their own way.
        service = answer.json()["code"] == "invalid_client"
        assert answer["WWW-Authenticate"].startswith("Basic " if service else CHALLENGE)
    else:
        assert "WWW-Authenticate" not in answer
    if answer.status_code in {429, 503}:
        assert int(answer["Retry-After"]) > 0


def problem(answer: Any) -> tuple[int, str]:
    """Status and code of a failure, with its reason where it has one."""
    body = answer.json()
    code = "/".join(part for part in (body["code"], body.get("reason")) if part)
    return answer.status_code, code

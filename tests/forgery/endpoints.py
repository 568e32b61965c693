"""All endpoints that accept a token, with the expected answer to a forged one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from refresh_sessions.models import DeviceSession, SessionEvent, TokenFamily
from tests.api.client import check_contract

SECRET = "the secret of the service that asks"
_BASIC = base64.b64encode(f"service:{SECRET}".encode()).decode()
WRITE_STATEMENTS = ("INSERT", "UPDATE", "DELETE", "REPLACE")

client = APIClient()


def _post(path: str, body: dict[str, Any], **headers: str) -> Any:
    # Escaped to ASCII, so that a lone surrogate reaches the server.
    content = json.dumps(body)
    return client.post(f"/auth/{path}", content, content_type="application/json", headers=headers)


def _bearer(token: str) -> str:
    """The header as a WSGI server passes it on."""
    return "Bearer " + token.encode("utf-8", "surrogatepass").decode("latin-1")


def _refused(answer: Any) -> str | None:
    if answer.status_code != 401:
        return f"answered {answer.status_code}"
    check_contract(answer)
    code = answer.json()["code"]
    return None if code in {"token_not_valid", "session_revoked"} else f"code {code}"


def view(token: str) -> str | None:
    answer = client.get("/who-am-i/", headers={"authorization": _bearer(token)})
    return None if answer.status_code == 401 else f"answered {answer.status_code}"


def session_list(token: str) -> str | None:
    return _refused(client.get("/auth/sessions/", headers={"authorization": _bearer(token)}))


def refresh(token: str) -> str | None:
    return _refused(_post("refresh/", {"refresh": token}))


def logout(token: str) -> str | None:
    return _refused(_post("logout/", {"refresh": token}))


def logout_with_bearer(token: str) -> str | None:
    return _refused(_post("logout/", {}, authorization=_bearer(token)))


def introspect(token: str) -> str | None:
    for hint in ("access_token", "refresh_token"):
        body = {"token": token, "token_type_hint": hint}
        answer = _post("introspect/", body, authorization=f"Basic {_BASIC}")
        if (answer.status_code, answer.json()) != (200, {"active": False}):
            return f"answered {answer.status_code} {answer.json()}"
    return None


def revoke(token: str) -> str | None:
    answer = _post("revoke/", {"token": token})
    silent = (answer.status_code, answer.content) == (200, b"")
    return None if silent else f"answered {answer.status_code}"


Endpoint = Callable[[str], str | None]
ENDPOINTS: list[Endpoint] = [
    *(session_list, refresh, logout, logout_with_bearer),
    *(introspect, revoke),
]
WITHOUT_LOGOUT: list[Endpoint] = [
    view,
    session_list,
    refresh,
    introspect,
    revoke,
]


def all_rows() -> list[Any]:
    """Return all rows of sessions, families and events."""
    tables = (DeviceSession, TokenFamily, SessionEvent)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@contextmanager
def no_writes() -> Iterator[None]:
    """Assert that no statement writes and no row changes."""
    before = all_rows()
    with CaptureQueriesContext(connection) as queries:
        yield
    written = [q["sql"] for q in queries if q["sql"].lstrip().upper().startswith(WRITE_STATEMENTS)]
    assert written == []
    assert all_rows() == before


def send_all(
    tokens: Iterable[tuple[str, str]], endpoints: Iterable[Endpoint]
) -> tuple[int, list[str]]:
    """Send every token to every endpoint; return the number of tokens and the deviations."""
    endpoints, wrong, count = list(endpoints), [], 0
    for name, token in tokens:
        count += 1
        answers = {endpoint.__name__: endpoint(token) for endpoint in endpoints}
        wrong += [f"{name} {endpoint} {s}: {token[:200]}" for endpoint, s in answers.items() if s]
    return count, wrong

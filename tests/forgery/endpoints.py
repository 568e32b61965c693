"""Every place at which a token may be presented, and what a bad one gets there."""

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
WORDS_THAT_WRITE = ("INSERT", "UPDATE", "DELETE", "REPLACE")

client = APIClient()


def _post(path: str, body: dict[str, Any], **headers: str) -> Any:
    # Escaped to ASCII, so that a lone surrogate gets as far as the server.
    content = json.dumps(body)
    return client.post(f"/auth/{path}", content, content_type="application/json", headers=headers)


def _bearer(token: str) -> str:
    """The header as a WSGI server hands it on."""
    return "Bearer " + token.encode("utf-8", "surrogatepass").decode("latin-1")


def _refused(answer: Any) -> str | None:
    if answer.status_code != 401:
        return f"answered {answer.status_code}"
    check_contract(answer)
    code = answer.json()["code"]
    return None if code in {"token_not_valid", "session_revoked"} else f"said {code}"


def at_a_view(token: str) -> str | None:
    answer = client.get("/who-am-i/", headers={"authorization": _bearer(token)})
    return None if answer.status_code == 401 else f"answered {answer.status_code}"


def at_ones_sessions(token: str) -> str | None:
    return _refused(client.get("/auth/sessions/", headers={"authorization": _bearer(token)}))


def at_refresh(token: str) -> str | None:
    return _refused(_post("refresh/", {"refresh": token}))


def at_logout(token: str) -> str | None:
    return _refused(_post("logout/", {"refresh": token}))


def at_logout_as_bearer(token: str) -> str | None:
    return _refused(_post("logout/", {}, authorization=_bearer(token)))


def at_introspect(token: str) -> str | None:
    for hint in ("access_token", "refresh_token"):
        body = {"token": token, "token_type_hint": hint}
        answer = _post("introspect/", body, authorization=f"Basic {_BASIC}")
        if (answer.status_code, answer.json()) != (200, {"active": False}):
            return f"answered {answer.status_code} {answer.json()}"
    return None


def at_revoke(token: str) -> str | None:
    answer = _post("revoke/", {"token": token})
    silent = (answer.status_code, answer.content) == (200, b"")
    return None if silent else f"answered {answer.status_code}"


Endpoint = Callable[[str], str | None]
ENDPOINTS: list[Endpoint] = [
    *(at_ones_sessions, at_refresh, at_logout, at_logout_as_bearer),
    *(at_introspect, at_revoke),
]
WITHOUT_SIGNING_OUT: list[Endpoint] = [
    at_a_view,
    at_ones_sessions,
    at_refresh,
    at_introspect,
    at_revoke,
]


def everything() -> list[Any]:
    """All that the database holds of sessions."""
    tables = (DeviceSession, TokenFamily, SessionEvent)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@contextmanager
def nothing_written() -> Iterator[None]:
    """No statement that writes, and every row as it was."""
    before = everything()
    with CaptureQueriesContext(connection) as queries:
        yield
    written = [q["sql"] for q in queries if q["sql"].lstrip().upper().startswith(WORDS_THAT_WRITE)]
    assert written == []
    assert everything() == before


def try_all(tokens: Iterable[tuple[str, str]], doors: Iterable[Endpoint]) -> tuple[int, list[str]]:
    """Present every token at every door; how many those were, and what went wrong."""
    doors, wrong, count = list(doors), [], 0
    for name, token in tokens:
        count += 1
        said = {door.__name__: door(token) for door in doors}
        wrong += [f"{name} {door} {s}: {token[:200]}" for door, s in said.items() if s]
    return count, wrong

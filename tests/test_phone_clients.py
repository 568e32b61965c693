"""The clients of docs/clients name only paths, fields and codes that exist, and the same ones."""

import re
from pathlib import Path

import pytest
from django.urls import get_resolver
from rest_framework.exceptions import NotAuthenticated, Throttled

from refresh_sessions import companion_cookie
from refresh_sessions.conf import Settings

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "clients" / "README.md").read_text("utf-8")
ENDPOINTS = (DOCS / "endpoints.md").read_text("utf-8")
SOURCES = {
    path.suffix[1:]: re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text("utf-8"), flags=re.S)
    for path in (DOCS / "clients").glob("SessionClient.*")
}
"""Each file without its comments."""

FINAL = {
    "not_authenticated",
    "token_not_valid",
    "session_revoked",
    "session_expired",
    "device_proof_required",
}
"""Codes after which docs/rotation.md tells clients to delete the tokens."""

STORED = {"received_at", "lifetime", "companion", "tokens"}
"""Names in the storages of the clients."""

SHARED = {"access", "refresh", "access_expires_at", "device_name", "ticket", "methods", "current"}


def literals(source: str) -> set[str]:
    return {text for text in re.findall(r'"([^"\n]*)"', source) if text}


def paths(source: str) -> set[str]:
    """Paths of endpoints, with one form for inserted values."""
    found = {text for text in literals(source) if re.fullmatch(r"[a-z][a-z-]*/\S*", text)}
    inserted = re.compile(r"\$\w+|\\\(\w+\)")
    return {inserted.sub("<id>", text) for text in found} - {"application/json"}


def words(source: str) -> set[str]:
    """Literals that can be codes or fields."""
    return {text for text in literals(source) if re.fullmatch(r"[a-z]+(_[a-z]+)*_?", text)}


def properties(source: str) -> set[str]:
    """Properties that Swift decodes from JSON by their own name."""
    found = set()
    for body in re.findall(r"struct \w+: Decodable[^{]*\{\n(.*?)\n *\}\n", source, re.S):
        if "CodingKeys" not in body:
            for line in re.findall(r"let ([\w, ]+):", body):
                found |= set(line.split(", "))
    return found


def server_codes() -> set[str]:
    """Codes in the table of errors."""
    rows = [line.split("|")[1] for line in ENDPOINTS.splitlines() if re.match(r"\| \d{3} ", line)]
    codes = re.sub(r" with (`\w+`(, )?)+", "", " ".join(rows))
    return set(re.findall(r"`([a-z_]+)`", codes))


def client_codes() -> set[str]:
    (sentence,) = re.findall(r"^The codes (.*?) are of the client", PAGE, re.M | re.S)
    return {code.rstrip("…") for code in re.findall(r"`([\w…]+)`", sentence)}


def fields() -> set[str]:
    """Fields of requests and responses in the table of calls, and those of an error."""
    rows = [line for line in ENDPOINTS.splitlines() if re.match(r"\| `[GP]", line)]
    quoted = [span for row in rows for span in re.findall(r"`([^`]*)`", row) if "{" in span]
    names = set(re.findall(r"[a-z]+(?:_[a-z]+)*", " ".join(quoted)))
    return names | {"detail", "code", "ticket", "methods", "name"}


@pytest.mark.parametrize("kind", ["kt", "swift"])
class TestFile:
    def test_paths_of_client_are_endpoints(self, kind):
        patterns = {
            re.sub(r"<\w+:\w+>", "<id>", str(url.pattern))
            for url in get_resolver("refresh_sessions.urls").url_patterns
        }
        found = paths(SOURCES[kind])
        assert {"login/", "refresh/", "sessions/<id>/"} <= found
        assert found - patterns == set()

    def test_words_of_client_are_codes_or_fields(self, kind):
        known = server_codes() | client_codes() | fields() | STORED
        known |= {companion_cookie.NAME, "refresh_sessions", "session_", "http_"}
        # Beside codes: names of a thread and of an error without JSON.
        known |= {"interrupted"}
        found = words(SOURCES[kind]) | properties(SOURCES[kind])
        assert len(found) > 20
        assert found - known == set()

    def test_final_codes_of_client_are_those_of_the_page(self, kind):
        (stale,) = re.findall(
            r"(?:STALE = setOf|staleCodes: Set = )[(\[](.*?)[)\]]", SOURCES[kind]
        )
        (final,) = re.findall(
            r"(?:FINAL = STALE \+ setOf\(|finalCodes = staleCodes\.union\(\[)(.*?)[)\]]",
            SOURCES[kind],
        )
        assert literals(stale) | literals(final) == FINAL
        assert server_codes() >= FINAL

    def test_time_out_of_refresh_is_below_third_of_overlap(self, kind):
        pattern = r"(?:REFRESH_SECONDS|refreshSeconds: TimeInterval) = (\d+)"
        (seconds,) = re.findall(pattern, SOURCES[kind])
        assert int(seconds) < Settings().ROTATION_OVERLAP.total_seconds() / 3
        assert f"{seconds} seconds, less than" in PAGE

    def test_numbers_of_client_are_those_of_the_page(self, kind):
        (attempts,) = re.findall(r"(?:ATTEMPTS|attempts) = (\d+)", SOURCES[kind])
        (patience,) = re.findall(
            r"(?:PATIENCE_SECONDS|patienceSeconds: TimeInterval) = (\d+)", SOURCES[kind]
        )
        assert attempts == "4"
        assert "four attempts" in PAGE
        assert f"longer than {patience} seconds" in PAGE


def test_both_clients_use_the_same_paths_and_codes():
    kotlin, swift = SOURCES["kt"], SOURCES["swift"]
    assert paths(kotlin) == paths(swift)
    codes = server_codes() | client_codes()
    assert words(kotlin) & codes == words(swift) & codes
    assert words(kotlin) >= SHARED
    assert (words(swift) | properties(swift)) >= SHARED


def test_both_clients_have_the_calls_of_the_page():
    table = PAGE[PAGE.index("| call | does |") : PAGE.index("## Errors")]
    calls = set(re.findall(r"`(\w+)\(", table))
    assert calls >= {"login", "verify", "refresh", "reauthenticate", "logout", "sessions"}
    for call in calls - {"data"}:
        for source in SOURCES.values():
            assert re.search(rf"^    fun(?:c)? {call}\(", source, re.M), call


def test_codes_of_the_page_exist():
    codes = server_codes() | client_codes()
    table = PAGE[PAGE.index("| `action` |") : PAGE.index("The codes `")]
    named = set(re.findall(r"`([a-z]+_[a-z_]*)`", table))
    assert named
    assert named <= codes
    assert {NotAuthenticated.default_code, Throttled.default_code} <= server_codes()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('post("refreshh/", body)', {"refreshh/"}),
        ('manage("DELETE", "sessions/$id/")', {"sessions/<id>/"}),
        (r'manage("DELETE", "sessions/\(id)/")', {"sessions/<id>/"}),
        ('"application/json"', set()),
    ],
)
def test_paths_are_found_in_source(text, found):
    assert paths(text) == found

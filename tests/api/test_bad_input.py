"""Arbitrary input: a 4xx with a documented body, and no write."""

import json
import string

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.api.client import Client, check_contract, problem

SOME_ID = "5b55770e-b065-4732-9fd5-fa15efa17790"

ENDPOINTS = [
    ("post", "login/"),
    ("post", "login/verify/"),
    ("post", "refresh/"),
    ("post", "refresh-token/"),
    ("post", "logout/"),
    ("get", "sessions/"),
    ("get", f"sessions/{SOME_ID}/"),
    ("patch", f"sessions/{SOME_ID}/"),
    ("delete", f"sessions/{SOME_ID}/"),
    ("post", "sessions/revoke-others/"),
    ("post", "sessions/revoke-all/"),
    ("post", "introspect/"),
    ("post", "revoke/"),
    ("get", "jwks.json"),
    ("get", "reauthenticate/"),
    ("post", "reauthenticate/"),
]
OPEN = ENDPOINTS[:5]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
field_names = st.sampled_from(
    ["refresh", "access", "username", "password", "device_name", "name", "ticket"]
)
bodies = (
    st.dictionaries(field_names, json_values, max_size=4).map(json.dumps)
    | json_values.map(json.dumps)
    | st.text(max_size=60)
    | st.binary(max_size=60)
)
jwt_alphabet = string.ascii_letters + string.digits + "-_.="
headers = st.text(max_size=60) | st.one_of(
    st.text(jwt_alphabet, max_size=80), st.text(max_size=40), st.binary(max_size=20).map(repr)
).map(lambda token: f"Bearer {token}")
content_types = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-16",
        "application/json; charset=nonsense",
        "application/json;;;",
        "text/plain",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=base64",
        "application/x-www-form-urlencoded; charset=utf-16",
        "",
        "\x7f",
    ]
)


def wsgi_header(text: str) -> str:
    """Return a header as a WSGI server passes it: each byte as one character."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


class TestArbitraryInput:
    """Hypothesis sends arbitrary input to each endpoint."""

    @pytest.mark.django_db
    @pytest.mark.parametrize(("method", "path"), ENDPOINTS)
    @settings(
        max_examples=40,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(body=bodies, header=headers, content_type=content_types, method_too=st.booleans())
    def test_arbitrary_body_with_header_is_a_client_error(
        self, no_throttles, method, path, body, header, content_type, method_too
    ):
        client = Client(raise_request_exception=True)
        verb = "put" if method_too else method
        with CaptureQueriesContext(connection) as queries:
            answer = client.raw.generic(
                verb.upper(),
                f"/auth/{path}",
                body,
                content_type=content_type,
                HTTP_AUTHORIZATION=wsgi_header(header),
            )
        check_contract(answer)
        assert 400 <= answer.status_code < 500
        assert {query["sql"].split()[0] for query in queries} <= {"SELECT"}

    @pytest.mark.django_db
    @settings(
        max_examples=40,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(session_id=st.text(min_size=1, max_size=60).filter(lambda text: "/" not in text))
    def test_arbitrary_session_id_is_404(self, no_throttles, pair, session_id):
        client = Client()
        if session_id in {".", ".."}:
            return
        answer = client.raw.generic(
            "GET",
            "/auth/sessions/",
            PATH_INFO=wsgi_header(f"/auth/sessions/{session_id}/"),
            HTTP_AUTHORIZATION=f"Bearer {pair.access}",
        )
        # A line break ends a URL pattern; Django's own 404 answers.
        if answer["Content-Type"] == "application/json":
            assert problem(answer) == (404, "not_found")
        else:
            assert answer.status_code == 404


@pytest.fixture
def no_throttles(settings, db):
    """Remove the throttles, so that each request reaches the view."""
    rates = {"session-login": None, "session-refresh": None}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), OPEN)
class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{",
            "[]",
            "null",
            "1",
            '"x"',
            "NaN",
            '{"refresh": NaN}',
            "[" * 100_000,
            '{"a":' * 50_000,
            "9" * 5_000,
            '{"refresh": ' + "9" * 5_000 + "}",
            b"\xff\xfe",
            b"\x00",
            '{"refresh": "' + "x" * 1_048_576 + '"}',
            '{"refresh": "\\u0000"}',
            '{"refresh": "\\ud800"}',
            '{"refresh": {"refresh": {"refresh": "x"}}}',
            '{"refresh": 7}',
            '{"refresh": true}',
        ],
        ids=lambda body: repr(body[:12]),
    )
    def test_malformed_json_is_a_client_error(self, api, no_throttles, method, path, body):
        answer = api.raw.generic(method, f"/auth/{path}", body, content_type="application/json")
        check_contract(answer)
        assert 400 <= answer.status_code < 500

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"]
    )
    def test_unsupported_content_type_is_415(self, api, no_throttles, method, path, content_type):
        answer = api.raw.generic(
            method, f"/auth/{path}", "refresh=x&username=x&password=x", content_type=content_type
        )
        check_contract(answer)
        assert problem(answer) == (415, "unsupported_media_type")

    @pytest.mark.parametrize("verb", ["get", "put", "patch", "delete", "options", "trace"])
    def test_unsupported_method_is_405(self, api, method, path, verb):
        answer = getattr(api.raw, verb)(f"/auth/{path}")
        check_contract(answer)
        assert problem(answer) == (405, "method_not_allowed")

    @pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "", "nonsense"])
    def test_answer_is_json_with_each_accept_header(self, api, no_throttles, method, path, accept):
        answer = api.post(path, {}, headers={"accept": accept})
        assert answer["Content-Type"] == "application/json"

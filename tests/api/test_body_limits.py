"""Body limits: the client chooses neither size nor codec of the work."""

import asyncio
import json
import time
from urllib.parse import urlencode

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.test.client import FakePayload
from rest_framework.test import APIClient

from refresh_sessions.rest_framework.requests import MAX_BODY
from tests.api.client import check_contract, problem

pytestmark = pytest.mark.django_db

TOO_LARGE = (413, "body_too_large")
UNSUPPORTED = (415, "unsupported_media_type")
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
SOME_ID = "5b55770e-b065-4732-9fd5-fa15efa17790"

POSTS = [
    *("login/", "login/verify/", "refresh/", "refresh-token/", "logout/", "reauthenticate/"),
    *("sessions/branch/", "sessions/revoke-others/", "sessions/revoke-all/", "revoke/"),
]
TAKE_FORMS = ["introspect/", "revoke/"]


@pytest.fixture(autouse=True)
def _services(options):
    options(INTROSPECTION_CLIENTS={"shop": "0" * 64})


def send(path, body, content_type=JSON, *, method="post", **options):
    answer = APIClient().generic(
        method, f"/auth/{path}", body, content_type=content_type, **options
    )
    check_contract(answer)
    return answer


def padded(size, **fields):
    """Return a JSON object of exactly this size in bytes."""
    bare = json.dumps({**fields, "padding": ""})
    return json.dumps({**fields, "padding": "x" * (size - len(bare))}).encode()


class TestSize:
    @pytest.mark.parametrize("path", [*POSTS, "introspect/"])
    @pytest.mark.parametrize("size", [MAX_BODY + 1, 3_000_000])
    def test_body_beyond_the_limit_is_413_with_code(self, path, size):
        assert problem(send(path, padded(size))) == TOO_LARGE

    @pytest.mark.parametrize("method", ["patch", "delete", "get"])
    def test_body_beyond_the_limit_is_413_with_each_method(self, method):
        answer = send(f"sessions/{SOME_ID}/", padded(MAX_BODY + 1), method=method)
        assert problem(answer) == TOO_LARGE

    @pytest.mark.parametrize("path", TAKE_FORMS)
    @pytest.mark.parametrize("size", [MAX_BODY + 1, 3_000_000])
    def test_form_beyond_the_limit_is_413(self, path, size):
        assert problem(send(path, "token=" + "x" * size, FORM)) == TOO_LARGE

    def test_body_of_exactly_the_limit_is_read(self, credentials):
        assert send("login/", padded(MAX_BODY, **credentials)).status_code == 200

    def test_lower_limit_of_the_project_is_413_as_well(self, settings, credentials):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
        assert problem(send("login/", padded(1001, **credentials))) == TOO_LARGE
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
        assert problem(send("login/", padded(MAX_BODY + 1, **credentials))) == TOO_LARGE

    def test_body_declared_too_large_is_not_read(self):
        class Unreadable:
            def read(self, *args):
                raise AssertionError("read")

            readline = read

        answer = APIClient().generic(
            "POST",
            "/auth/login/",
            content_type=JSON,
            **{"CONTENT_LENGTH": str(MAX_BODY + 1), "wsgi.input": Unreadable()},
        )
        assert problem(answer) == TOO_LARGE

    def test_broken_connection_during_body_is_400(self):
        class Broken:
            def read(self, *args):
                raise OSError("gone")

            readline = read

        answer = APIClient().generic(
            "POST",
            "/auth/login/",
            content_type=JSON,
            **{"CONTENT_LENGTH": "10", "wsgi.input": Broken()},
        )
        assert problem(answer) == (400, "parse_error")

    @pytest.mark.parametrize("length", ["", "-1", "x", "1_0", "9" * 5000, "0"])
    def test_malformed_content_length_is_400(self, length):
        answer = send("login/", b'{"username": "x"}', CONTENT_LENGTH=length)
        assert answer.status_code == 400

    def test_large_body_read_by_middleware_is_413(self, settings):
        settings.MIDDLEWARE = [f"{__name__}.reading_middleware", *settings.MIDDLEWARE]
        assert problem(send("login/", padded(MAX_BODY + 1))) == TOO_LARGE

    def test_body_read_by_middleware_is_available(self, settings, credentials):
        settings.MIDDLEWARE = [f"{__name__}.reading_middleware", *settings.MIDDLEWARE]
        assert send("login/", json.dumps(credentials)).status_code == 200


def reading_middleware(get_response):
    """Reads bodies before the view, as logging middleware does."""

    def middleware(request):
        assert request.body
        request.read()
        return get_response(request)

    return middleware


class TestASGI:
    """A chunked body has no Content-Length, and a wrong one is trusted."""

    def send(self, path, body, *, content_type=JSON, length=None):
        headers = [(b"host", b"testserver"), (b"content-type", content_type.encode())]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/auth/{path}",
            "headers": headers,
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }
        chunks = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
        sent = []

        async def receive():
            if not chunks:
                await asyncio.sleep(60)
            chunk = chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}

        async def record(message):
            sent.append(message)

        asyncio.run(ASGIHandler()(scope, receive, record))
        start, *rest = sent
        answer = json.loads(b"".join(part.get("body", b"") for part in rest) or b"{}")
        return start["status"], answer.get("code")

    @pytest.mark.parametrize("length", [None, 0, 10, MAX_BODY])
    @pytest.mark.parametrize("size", [MAX_BODY + 1, 3_000_000])
    @pytest.mark.parametrize("path", ["login/", "refresh/", "revoke/"])
    def test_asgi_body_beyond_the_limit_is_413_with_each_declared_length(self, path, size, length):
        assert self.send(path, padded(size), length=length) == TOO_LARGE

    def test_asgi_form_beyond_the_limit_is_413(self):
        body = b"token=" + b"x" * MAX_BODY
        assert self.send("revoke/", body, content_type=FORM) == TOO_LARGE

    def test_asgi_small_body_in_chunks_is_read(self):
        assert self.send("revoke/", b'{"token": "x"}') == (200, None)
        assert self.send("revoke/", b"token=x", content_type=FORM) == (200, None)
        assert self.send("revoke/", b"{}") == (400, "invalid_request")


class TestCharset:
    @pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8", ""])
    def test_utf8_body_is_read_with_each_alias(self, charset, credentials):
        content_type = f"{JSON}; charset={charset}"
        assert send("login/", json.dumps(credentials), content_type).status_code == 200

    @pytest.mark.parametrize(
        "charset",
        [
            *("punycode", "idna", "utf-7", "utf-16", "utf-32", "latin-1", "rot13", "bz2_codec"),
            *("unicode_escape", "raw_unicode_escape", "base64", "zlib", "cp037", "nonsense"),
            *("undefined", "mbcs", "hz", "utf-8-sig"),
        ],
    )
    def test_json_in_another_charset_is_415(self, charset, credentials):
        answer = send("login/", json.dumps(credentials), f"{JSON}; charset={charset}")
        assert problem(answer) == UNSUPPORTED

    @pytest.mark.parametrize("path", TAKE_FORMS)
    @pytest.mark.parametrize("charset", ["punycode", "idna", "utf-16", "latin-1", "nonsense"])
    def test_form_in_another_charset_is_415(self, path, charset):
        content_type = f"{FORM}; charset={charset}"
        assert problem(send("revoke/", "token=x", content_type)) == UNSUPPORTED

    @pytest.mark.parametrize("path", ["login/", "refresh/", "revoke/"])
    @pytest.mark.parametrize("charset", ["punycode", "idna", "utf-7"])
    @pytest.mark.parametrize("name", ["charset", "charset*=utf-8''", "CHARSET"])
    def test_slow_codec_is_never_used(self, path, charset, name):
        parameter = name if "*" in name else f"{name}="
        body = '{"refresh": "' + "-x" * ((MAX_BODY - 100) // 2) + '"}'
        started = time.process_time()
        send(path, body, f"{JSON}; {parameter}{charset}")
        assert time.process_time() - started < 0.2

    def test_json_charset_is_independent_of_default_charset(self, settings, user):
        settings.DEFAULT_CHARSET = "latin-1"
        user.set_password("pässwörd")
        user.save()
        body = {"username": user.get_username(), "password": "pässwörd"}
        assert self.send_raw("login/", json.dumps(body, ensure_ascii=False)) == 200

    def test_form_charset_is_independent_of_default_charset(self, settings):
        settings.DEFAULT_CHARSET = "utf-16"
        assert self.send_raw("revoke/", urlencode({"token": "é"}), FORM) == 200

    def send_raw(self, path, text, content_type=JSON):
        """Send a body in UTF-8; Django's test client would use the project's charset."""
        raw = text.encode()
        answer = APIClient().generic(
            "POST",
            f"/auth/{path}",
            content_type=content_type,
            **{"CONTENT_LENGTH": str(len(raw)), "wsgi.input": FakePayload(raw)},
        )
        return answer.status_code

    @pytest.mark.parametrize("body", [b'{"username": "\xe9"}', b"\xff\xfe{\x00}\x00"])
    def test_body_with_invalid_utf8_is_400(self, body):
        assert problem(send("login/", body)) == (400, "parse_error")

"""Target URIs, nonces and replays, without HTTP."""

import time
from datetime import timedelta

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.core.exceptions import DisallowedHost

from refresh_sessions.binding.replays import is_first_use
from refresh_sessions.binding.target_uri import get_target_uri, parse_target_uri
from refresh_sessions.tokens.nonces import NoncePurpose, get_nonce_age, issue_nonce

EQUAL = [
    ("https://api.example.com/auth/refresh/", "HTTPS://API.Example.COM/auth/refresh/"),
    ("https://api.example.com/", "https://api.example.com"),
    ("https://api.example.com/", "https://api.example.com:443/"),
    ("http://api.example.com/", "http://api.example.com:80/"),
    ("https://api.example.com/a", "https://api.example.com/a?b=c#d"),
    ("https://api.example.com/a%7eb/%C3%b6", "https://api.example.com/a~b/%c3%B6"),
    ("https://[::1]:8000/", "https://[::1]:8000/"),
]

DIFFERENT = [
    ("https://api.example.com/", "http://api.example.com/"),
    ("https://api.example.com/", "https://api.example.com:8443/"),
    ("https://api.example.com/", "https://example.com/"),
    ("https://api.example.com/a", "https://api.example.com/a/"),
    ("https://api.example.com/a", "https://api.example.com/A"),
    ("https://api.example.com/a", "https://api.example.com/b/../a"),
]

INVALID = [
    *(
        "",
        "/auth/refresh/",
        "//api.example.com/",
        "api.example.com/auth/",
        "https://",
        "https:///a",
    ),
    *("ftp://api.example.com/", "javascript:alert(1)", "https://user@api.example.com/"),
    *("https://api.example.com:port/", "https://api.example.com:99999/", "https://[::1/"),
    *("https://api.exam\tple.com/", " https://api.example.com/", "https://api.example.com/a b"),
]


class TestTargetURI:
    @pytest.mark.parametrize(("one", "other"), EQUAL)
    def test_spellings_of_one_url_are_equal(self, one, other):
        assert parse_target_uri(one) == parse_target_uri(other)

    @pytest.mark.parametrize(("one", "other"), DIFFERENT)
    def test_other_urls_differ(self, one, other):
        assert parse_target_uri(one) != parse_target_uri(other)

    @pytest.mark.parametrize("url", INVALID, ids=repr)
    def test_text_that_is_no_http_url_is_refused(self, url):
        with pytest.raises(ValueError):  # noqa: PT011  (as the interface says)
            parse_target_uri(url)

    @pytest.mark.parametrize(
        ("setting", "headers", "expected"),
        [
            ({}, {}, "http://testserver/a/b"),
            ({"PUBLIC_ORIGIN": "https://api.example.com"}, {}, "https://api.example.com/a/b"),
            ({}, {"secure": True}, "https://testserver/a/b"),
        ],
    )
    def test_url_of_request_follows_settings(self, rf, options, setting, headers, expected):
        options(**setting)
        request = rf.post("/a/b?c=d", **headers)
        assert get_target_uri(request) == parse_target_uri(expected)

    def test_url_of_request_behind_proxy_follows_django(self, rf, settings):
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        settings.USE_X_FORWARDED_HOST = True
        settings.ALLOWED_HOSTS = ["api.example.com"]
        request = rf.post(
            "/a", HTTP_X_FORWARDED_PROTO="https", HTTP_X_FORWARDED_HOST="api.example.com"
        )
        assert get_target_uri(request) == parse_target_uri("https://api.example.com/a")

    def test_url_with_non_ascii_path_and_script_name(self, rf, settings):
        settings.FORCE_SCRIPT_NAME = "/prefix"
        request = rf.post("/ö/")
        assert get_target_uri(request) == parse_target_uri("http://testserver/prefix/%C3%B6/")

    def test_host_that_django_disallows_is_an_error(self, rf):
        with pytest.raises(DisallowedHost):
            get_target_uri(rf.post("/", HTTP_HOST="evil.example"))


class TestNonces:
    def age(self, nonce, context=""):
        return get_nonce_age(nonce, NoncePurpose.DPOP, context)

    def test_nonce_has_age_for_its_purpose_and_context(self, monkeypatch):
        nonce = issue_nonce(NoncePurpose.DPOP, "family")
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 90)
        age = self.age(nonce, "family")
        assert timedelta(seconds=89) < age < timedelta(seconds=92)
        assert self.age(nonce) is None
        assert self.age(nonce, "other") is None

    def test_nonce_of_fallback_key_is_valid_and_of_other_key_not(self, settings):
        nonce = issue_nonce(NoncePurpose.DPOP)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "other", [settings.SECRET_KEY]
        assert self.age(nonce) is not None
        settings.SECRET_KEY_FALLBACKS = []
        assert self.age(nonce) is None

    def test_nonce_from_the_future_is_refused(self, monkeypatch):
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 600)
        nonce = issue_nonce(NoncePurpose.DPOP)
        monkeypatch.setattr(time, "time", lambda: now)
        assert self.age(nonce) is None

    def test_nonce_with_any_changed_character_is_refused(self):
        nonce = issue_nonce(NoncePurpose.DPOP)
        for index, char in enumerate(nonce):
            other = "0" if char != "0" else "1"
            assert self.age(nonce[:index] + other + nonce[index + 1 :]) is None

    @pytest.mark.parametrize("nonce", ["", "0", "zzzzzzzz" * 4, "ö" * 32, "\0" * 32])
    def test_text_that_is_no_nonce_is_refused(self, nonce):
        assert self.age(nonce) is None


class ForgetfulCache(LocMemCache):
    """A cache whose first response is lost, after it has stored the entry."""

    lost = False

    def __init__(self, _, params):
        super().__init__("forgetful", params)

    def add(self, *args, **kwargs):
        added = super().add(*args, **kwargs)
        if not ForgetfulCache.lost:
            ForgetfulCache.lost = True
            raise ConnectionError
        return added


class TestReplays:
    def test_second_use_of_id_is_no_first_use(self):
        assert is_first_use("key", "id", timeout=60)
        assert not is_first_use("key", "id", timeout=60)
        assert is_first_use("key", "other", timeout=60)
        assert is_first_use("other", "id", timeout=60)

    @pytest.mark.parametrize("proof_id", ["a b", "\n", "ö", "\ud800", "x" * 500], ids=ascii)
    def test_id_may_be_any_text(self, proof_id):
        assert is_first_use("key", proof_id, timeout=60)
        assert not is_first_use("key", proof_id, timeout=60)

    def test_lost_response_of_cache_is_no_replay(self, settings):
        settings.CACHES = {"default": {"BACKEND": f"{__name__}.ForgetfulCache"}}
        assert is_first_use("key", "id", timeout=60)
        assert not is_first_use("key", "id", timeout=60)

    def test_failing_cache_refuses_nothing_and_is_logged(self, settings, caplog):
        settings.CACHES = {"default": {"BACKEND": "nowhere.Cache"}}
        assert is_first_use("key", "id", timeout=60)
        assert is_first_use("key", "id", timeout=60)
        assert "was not checked for a replay" in caplog.text

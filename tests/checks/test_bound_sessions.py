"""Checks of bound sessions, with and without the library that verifies proofs."""

import pytest

from refresh_sessions.tokens.client_keys import has_cryptography
from tests.checks.finding import LOCAL, NOTHING, found, ids

BEHIND_PROXY = {"TRUSTED_PROXIES": ["private"]}


@pytest.fixture
def _without_library(monkeypatch):
    for module in ("checks.bound_sessions.has_cryptography", "binding.dpop.has_cryptography"):
        monkeypatch.setattr(f"refresh_sessions.{module}", lambda: False)


needs_library = pytest.mark.skipif(not has_cryptography(), reason="needs cryptography")


@pytest.mark.usefixtures("_without_library")
class TestWithoutLibrary:
    @pytest.mark.parametrize(
        ("options", "mentioned"),
        [
            ({"DPOP": "require"}, "'DPOP' is 'require'"),
            ({"DPOP_ACCESS_TOKENS": True}, "'DPOP_ACCESS_TOKENS' is True"),
            ({"DPOP": "require", "DPOP_ACCESS_TOKENS": True}, "'require' and 'DPOP_ACCESS"),
        ],
    )
    def test_required_proof_is_reported(self, settings, options, mentioned):
        settings.REFRESH_SESSIONS = options
        assert ids() == ["E027"]
        assert mentioned in found()[0].msg
        assert "[crypto]" in str(found()[0].hint)

    @pytest.mark.parametrize("options", [{}, {"DPOP": "off"}, BEHIND_PROXY])
    def test_optional_proof_is_not_reported(self, settings, options):
        settings.REFRESH_SESSIONS = options
        assert ids() == []

    def test_policy_that_requires_key_is_warned_about(self, settings):
        settings.REFRESH_SESSIONS = {"POLICY": "tests.checks.cases.StaffWithKey"}
        assert ids() == ["W028"]

    @pytest.mark.parametrize(
        ("policy", "reported"),
        [("a_policy", "E006"), ("NoPolicy", "E006"), ("nowhere", "E005"), ("Stricter", None)],
    )
    def test_other_policy_is_not_warned_about(self, settings, policy, reported):
        settings.REFRESH_SESSIONS = {"POLICY": f"tests.checks.cases.{policy}"}
        assert ids() == ([] if reported is None else [reported])


@needs_library
class TestWithLibrary:
    @pytest.mark.parametrize("options", [{"DPOP": "require"}, {"DPOP_ACCESS_TOKENS": True}])
    def test_required_proof_is_not_reported(self, settings, options):
        settings.REFRESH_SESSIONS = options
        assert ids() == []

    def test_policy_that_requires_key_is_not_reported(self, settings):
        settings.REFRESH_SESSIONS = {"POLICY": "tests.checks.cases.StaffWithKey"}
        assert ids() == []

    def test_policy_that_browsers_can_meet_is_not_reported(self, settings):
        settings.REFRESH_SESSIONS = {
            "DPOP": "off",
            "DEVICE_BOUND_SESSIONS": True,
            "TRANSPORT": "cookie",
            "POLICY": "tests.checks.cases.StaffWithKey",
        }
        assert ids() == []

    @pytest.mark.parametrize("dpop", ["accept", "require"])
    def test_proxy_without_scheme_is_warned_about(self, settings, dpop):
        settings.REFRESH_SESSIONS = {**BEHIND_PROXY, "DPOP": dpop}
        assert ids() == ["W026"]
        assert "SECURE_PROXY_SSL_HEADER" in found()[0].msg

    def test_proxy_with_scheme_is_not_reported(self, settings):
        settings.REFRESH_SESSIONS = {**BEHIND_PROXY, "PUBLIC_ORIGIN": "https://api.example.com"}
        assert ids() == []
        settings.REFRESH_SESSIONS = BEHIND_PROXY
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert ids() == []

    @pytest.mark.parametrize("options", [{"DPOP": "require"}, {"DPOP_ACCESS_TOKENS": True}])
    @pytest.mark.parametrize(
        ("cache", "effect"), [(LOCAL, "local to each process"), (NOTHING, "stores nothing")]
    )
    def test_cache_that_forgets_proofs_is_warned_about(self, settings, options, cache, effect):
        settings.CACHES = {**settings.CACHES, "replays": cache}
        settings.REFRESH_SESSIONS = {**options, "CACHE_ALIAS": "replays"}
        assert ids() == ["W029"]
        assert "'replays'" in found()[0].msg
        assert effect in found()[0].msg

    def test_cache_of_optional_proofs_is_not_reported(self, settings):
        settings.CACHES = {**settings.CACHES, "replays": LOCAL}
        settings.REFRESH_SESSIONS = {"CACHE_ALIAS": "replays"}
        assert ids() == []

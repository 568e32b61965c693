"""Refused keys and their messages, which show no key. Without optional libraries."""

import pytest

from refresh_sessions.conf import find_problems
from refresh_sessions.exceptions import SettingsError
from refresh_sessions.tokens.keys import Purpose, asymmetric, find_config_errors, get_keyring
from refresh_sessions.tokens.keys.errors import (
    KeyConfigError,
    MissingCryptographyError,
    RepeatedKeyError,
    UnreadableKeyError,
    WrongKeyError,
)
from tests.keys import b64, entry, fault, random_bytes, text
from tests.unit.valid_tokens import access_token

UNREADABLE = {
    "no algorithm": ({"value": "x"}, "no 'algorithm'"),
    "unknown algorithm": ({"algorithm": "none", "value": "x"}, "HS512"),
    "algorithm in another case": (
        {"algorithm": "hs256", "value": "x"},
        "'hs256' is not known; did you mean HS256?",
    ),
    "misspelt algorithm": (
        {"algorithm": "ES257", "value": "x"},
        "'ES257' is not known; did you mean ES256?",
    ),
    "algorithm by its curve": ({"algorithm": "Ed25519", "value": "x"}, "did you mean EdDSA?"),
    "algorithm of others": ({"algorithm": "ES384", "value": "x"}, "'ES384' is not known. Use"),
    "misspelt name of algorithm": ({"alg": "ES256", "value": "x"}, "it has 'alg', 'value'"),
    "no source": ({"algorithm": "HS256"}, "it has none"),
    "two sources": ({"algorithm": "HS256", "env": "A", "value": "B"}, "'env', 'value'"),
    "misspelt source": ({"algorithm": "HS256", "path": "x"}, "'path'"),
    "own name": ({"algorithm": "HS256", "value": "x", "kid": "mine"}, "'kid', 'value'"),
    "missing file": ({"algorithm": "HS256", "file": "/nowhere/key"}, "No such file"),
    "directory": ({"algorithm": "HS256", "file": "/"}, "Is a directory"),
    "missing variable": ({"algorithm": "HS256", "env": "NOT_SET_HERE"}, "'NOT_SET_HERE'"),
    "not base64url": ({"algorithm": "HS256", "value": "a b" * 30}, "not base64url"),
    "standard base64": ({"algorithm": "HS256", "value": "+/" * 30}, "not base64url"),
    "impossible base64": ({"algorithm": "HS256", "value": "a" * 65}, "not base64url"),
    "text": ("key.pem", "is a string"),
}


class TestFaults:
    @pytest.mark.parametrize(("raw", "mention"), UNREADABLE.values(), ids=UNREADABLE)
    def test_unreadable_key_is_refused(self, options, raw, mention):
        options(KEYS=[raw])
        assert isinstance(fault(), UnreadableKeyError)
        assert mention in str(fault())
        assert "REFRESH_SESSIONS['KEYS'][0]" in str(fault())

    def test_binary_key_file_is_refused(self, options, tmp_path):
        (tmp_path / "key").write_bytes(b"\xff\xfe")
        options(KEYS=[{"algorithm": "HS256", "file": tmp_path / "key"}])
        assert "not ASCII text" in str(fault())

    def test_empty_environment_variable_is_refused(self, options, monkeypatch):
        monkeypatch.setenv("KEY_OF_THIS_TEST", "")
        options(KEYS=[{"algorithm": "HS256", "env": "KEY_OF_THIS_TEST"}])
        assert isinstance(fault(), UnreadableKeyError)

    @pytest.mark.parametrize("source", ["file", "env"])
    @pytest.mark.parametrize(
        "key",
        [
            "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\\nMIGHAgEAMBMGByqGSM49\\n-----END PRIVATE KEY-----",
            "3q2-7wD_c0ffeeAbCdEfGhIjKlMnOpQrStUvWxYz012",
            "3q2+7wD/c0ffeeAbCdEfGhIjKlMnOpQrStUvWxYz012=",
        ],
    )
    def test_key_in_place_of_its_name_is_not_shown(self, options, source, key):
        options(KEYS=[{"algorithm": "HS256", source: key}])
        assert isinstance(fault(), UnreadableKeyError)
        assert "not shown" in str(fault())
        assert key[:25] not in str(fault())
        assert key[-20:] not in str(fault())

    @pytest.mark.parametrize("place", ["algorithm", "name"])
    def test_key_in_place_of_another_word_is_not_shown(self, options, place):
        key = "3q2-7wD_c0ffeeAbCdEfGhIjKlMnOpQrStUvWxYz012"
        entry = {"algorithm": key} if place == "algorithm" else {"algorithm": "HS256", key: "x"}
        options(KEYS=[entry])
        assert isinstance(fault(), UnreadableKeyError)
        assert "not shown" in str(fault())
        assert key not in str(fault())

    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ("env", "DJANGO_REFRESH_SESSIONS_ACCESS_TOKEN_PRIVATE_KEY_2"),
            ("file", "/run/secrets/Shop-of-the-year-2026/refresh-sessions/access-key-1"),
            ("file", "keys/Shop-of-the-year-2026/refresh-sessions/access-1.pem"),
        ],
    )
    def test_long_name_of_missing_key_is_shown(self, options, source, name):
        options(KEYS=[{"algorithm": "HS256", source: name}])
        assert repr(name) in str(fault())

    def test_guessable_key_is_refused(self, options):
        options(KEYS=[{"algorithm": "HS256", "value": "abcd" * 20}])
        assert isinstance(fault(), WrongKeyError)
        assert "guessed" in str(fault())

    @pytest.mark.parametrize(
        "secret",
        [
            b'{"kty": "oct", "k": "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"}',
            b"-----BEGIN PUBLIC KEY-----\nMCowBQ\n-----END PUBLIC KEY-----",
            b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB",
        ],
    )
    def test_asymmetric_key_or_jwk_as_secret_is_refused(self, options, secret):
        options(KEYS=[{"algorithm": "HS256", "value": b64(secret)}])
        assert isinstance(fault(), WrongKeyError)
        assert "not random bytes" in str(fault())

    def test_repeated_key_is_refused(self, options):
        options(KEYS=[entry("HS256"), entry("HS384"), entry("HS256")])
        assert isinstance(fault(), RepeatedKeyError)

    def test_key_for_both_purposes_is_refused(self, options):
        options(KEYS=[entry("HS256")], REFRESH_KEYS=[entry("HS256")])
        assert isinstance(fault(), RepeatedKeyError)

    def test_key_for_both_purposes_with_another_algorithm_is_refused(self, options):
        key = entry("HS512")
        options(KEYS=[key], REFRESH_KEYS=[{**key, "algorithm": "HS256"}])
        assert isinstance(fault(), RepeatedKeyError)

    @pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
    def test_secret_key_as_token_key_is_refused(self, settings, options, name):
        secret = random_bytes(50)
        setattr(settings, name, secret if name == "SECRET_KEY" else [secret])
        options(KEYS=[{"algorithm": "HS256", "value": b64(secret)}])
        assert isinstance(fault(), RepeatedKeyError)
        assert "SECRET_KEY" in str(fault())

    def test_asymmetric_refresh_key_is_refused(self, options):
        options(REFRESH_KEYS=[{"algorithm": "ES256", "env": "PATH"}])
        assert isinstance(fault(), WrongKeyError)

    def test_key_errors_are_all_found_first_is_raised(self, options):
        options(KEYS=["a", entry("HS256"), "b"], REFRESH_KEYS=["c"])
        assert [f.problem.split(" ")[0] for f in find_config_errors()] == [
            "REFRESH_SESSIONS['KEYS'][0]",
            "REFRESH_SESSIONS['KEYS'][2]",
            "REFRESH_SESSIONS['REFRESH_KEYS'][0]",
        ]
        with pytest.raises(UnreadableKeyError, match=r"\['KEYS'\]\[0\]"):
            access_token()

    def test_asymmetric_key_without_cryptography_is_refused(self, options, monkeypatch):
        monkeypatch.setattr(asymmetric, "find_spec", lambda name: None)
        options(KEYS=[{"algorithm": "ES256", "value": "not looked at"}])
        assert isinstance(fault(), MissingCryptographyError)
        assert "django-refresh-sessions[crypto]" in str(fault())

    def test_key_config_error_is_a_settings_error(self):
        assert issubclass(KeyConfigError, SettingsError)


class TestSecrecy:
    SECRET = "Zm9vYmFyIGlzIG5vIHNlY3JldA"

    @pytest.mark.parametrize("key", ["KEYS", "REFRESH_KEYS"])
    @pytest.mark.parametrize(
        "wrap", [str, lambda x: [{"value": x, "algorithm": 7}], lambda x: {x}]
    )
    def test_settings_problem_shows_no_key(self, key, wrap):
        said = " ".join(find_problems({key: wrap(self.SECRET)}))
        assert "must be a list of keys" in said
        assert self.SECRET not in said

    def test_key_error_shows_no_key(self, options):
        for algorithm in ("HS256", "ES256", "none"):
            for more in ({}, {"file": "x"}):
                options(KEYS=[{"algorithm": algorithm, "value": self.SECRET, **more}])
                for found in find_config_errors():
                    assert self.SECRET not in str(found)

    def test_keyring_repr_shows_no_key(self, options):
        options(KEYS=[entry("HS256")])
        assert text("HS256") not in repr(get_keyring(Purpose.ACCESS))

"""Which keys are in force, where they come from, and what is refused. Without any extra."""

import base64
from itertools import pairwise

import pytest

from refresh_sessions.conf import problems
from refresh_sessions.exceptions import InvalidTokenError, SettingsError
from refresh_sessions.tokens import access, refresh
from refresh_sessions.tokens.keys import Purpose, find_faults, get_keyring, keyring, pem
from refresh_sessions.tokens.keys.faults import (
    KeyFault,
    MissingCryptography,
    RepeatedKey,
    UnfitKey,
    UnreadableKey,
)
from refresh_sessions.tokens.keys.jwk import thumbprint
from tests.keys import SYMMETRIC, entry, text
from tests.unit.forge import parts
from tests.unit.test_tokens import access_token, refresh_token

SIZES = {"HS256": 32, "HS384": 48, "HS512": 64}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


def random_bytes(count: int) -> bytes:
    return bytes((i * 37 + 11) % 256 for i in range(count))


def fault() -> KeyFault:
    """The one thing that is wrong, which the run raises too."""
    (only,) = find_faults()
    with pytest.raises(type(only)) as raised:
        get_keyring(Purpose.ACCESS)
    assert str(raised.value) == str(only)
    assert only.remedy.endswith(".")
    return only


class TestDerived:
    def test_is_what_an_empty_setting_means(self, options):
        default = [get_keyring(purpose) for purpose in Purpose]
        for empty in ((), [], ["SECRET_KEY"]):
            options(KEYS=empty, REFRESH_KEYS=empty)
            assert [get_keyring(purpose) for purpose in Purpose] == default

    def test_goes_on_verifying_where_it_is_listed(self, options):
        old = access_token()
        options(KEYS=[entry("HS256"), "SECRET_KEY"])
        access.verify(old)
        new = access_token()
        assert parts(new)[0]["kid"] != parts(old)[0]["kid"]
        options(KEYS=["SECRET_KEY"])
        with pytest.raises(InvalidTokenError):
            access.verify(new)

    def test_is_dead_at_once_where_it_is_not(self, options):
        tokens = access_token(), refresh_token()
        options(KEYS=[entry("HS256")], REFRESH_KEYS=[entry("HS256", 1)])
        for verify, token in zip((access.verify, refresh.verify), tokens, strict=True):
            with pytest.raises(InvalidTokenError):
                verify(token)

    def test_a_leaked_secret_key_can_be_retired_at_once(self, settings):
        tokens = access_token(), refresh_token()
        settings.SECRET_KEY = "another" * 10
        for verify, token in zip((access.verify, refresh.verify), tokens, strict=True):
            with pytest.raises(InvalidTokenError):
                verify(token)


@pytest.mark.parametrize("algorithm", SYMMETRIC)
class TestSymmetric:
    def test_signs_and_verifies(self, options, algorithm):
        options(KEYS=[entry(algorithm)], REFRESH_KEYS=[entry(algorithm, 1)])
        assert parts(access_token())[0]["alg"] == algorithm
        access.verify(access_token())
        refresh.verify(refresh_token())

    def test_takes_as_many_bytes_as_its_hash(self, options, algorithm):
        size = SIZES[algorithm]
        options(KEYS=[{"algorithm": algorithm, "value": b64(random_bytes(size))}])
        assert get_keyring(Purpose.ACCESS).signing.bits == 8 * size
        options(KEYS=[{"algorithm": algorithm, "value": b64(random_bytes(size - 1))}])
        assert isinstance(fault(), UnfitKey)
        assert f"{size} or more" in str(fault())

    def test_is_found_by_a_name_that_tells_nothing(self, options, algorithm):
        options(KEYS=[entry(algorithm)], REFRESH_KEYS=[entry(algorithm, 1)])
        kids = {get_keyring(purpose).signing.kid for purpose in Purpose}
        assert len(kids) == 2
        assert all(kid not in text(algorithm) for kid in kids)


class TestRotation:
    def test_the_first_signs_and_all_verify(self, options):
        old, new = entry("HS256"), entry("HS256", 1)
        options(KEYS=[old])
        token = access_token()
        for keys in ([old, new], [new, old]):
            options(KEYS=keys)
            access.verify(token)
        options(KEYS=[new])
        with pytest.raises(InvalidTokenError):
            access.verify(token)

    def test_every_server_can_verify_what_any_other_signs(self, options):
        """While a step of the rotation is under way, some servers are one step behind."""
        old, new = entry("HS256"), entry("HS256", 1)
        steps = [[old], [old, new], [new, old], [new]]
        for before, after in pairwise(steps):
            for signs, verifies in ((before, after), (after, before)):
                options(KEYS=signs)
                token = access_token()
                options(KEYS=verifies)
                access.verify(token)


class TestSources:
    def test_file(self, options, tmp_path):
        file = tmp_path / "key"
        file.write_text(text("HS256") + "\n")
        for path in (file, str(file)):
            options(KEYS=[{"algorithm": "HS256", "file": path}])
            assert get_keyring(Purpose.ACCESS).signing.origin == f"file {file}"
        options(KEYS=[entry("HS256")])
        assert get_keyring(Purpose.ACCESS).signing.origin == "the setting itself"

    def test_environment(self, options, monkeypatch):
        monkeypatch.setenv("KEY_OF_THIS_TEST", text("HS256"))
        options(KEYS=[{"algorithm": "HS256", "env": "KEY_OF_THIS_TEST"}])
        access.verify(access_token())

    def test_is_read_once(self, options, tmp_path):
        file = tmp_path / "key"
        file.write_text(text("HS256"))
        options(KEYS=[{"algorithm": "HS256", "file": file}])
        first = get_keyring(Purpose.ACCESS)
        file.unlink()
        assert get_keyring(Purpose.ACCESS) is first
        keyring._keyrings.cache_clear()
        assert isinstance(fault(), UnreadableKey)

    def test_is_looked_for_again_after_a_fault(self, options, tmp_path):
        file = tmp_path / "late"
        options(KEYS=[{"algorithm": "HS256", "file": file}])
        assert isinstance(fault(), UnreadableKey)
        file.write_text(text("HS256"))
        access.verify(access_token())


UNREADABLE = {
    "no algorithm": ({"value": "x"}, "no 'algorithm'"),
    "unknown algorithm": ({"algorithm": "none", "value": "x"}, "HS512"),
    "algorithm in another case": ({"algorithm": "hs256", "value": "x"}, "ES256"),
    "no source": ({"algorithm": "HS256"}, "it has none"),
    "two sources": ({"algorithm": "HS256", "env": "A", "value": "B"}, "'env', 'value'"),
    "misspelt source": ({"algorithm": "HS256", "flie": "x"}, "'flie'"),
    "own name": ({"algorithm": "HS256", "value": "x", "kid": "mine"}, "'kid', 'value'"),
    "missing file": ({"algorithm": "HS256", "file": "/nowhere/key"}, "No such file"),
    "directory": ({"algorithm": "HS256", "file": "/"}, "Is a directory"),
    "missing variable": ({"algorithm": "HS256", "env": "NOT_SET_HERE"}, "'NOT_SET_HERE'"),
    "not base64url": ({"algorithm": "HS256", "value": "a b" * 30}, "not base64url"),
    "standard base64": ({"algorithm": "HS256", "value": "+/" * 30}, "not base64url"),
    "impossible base64": ({"algorithm": "HS256", "value": "a" * 65}, "not base64url"),
    "text": ("key.pem", "is a text"),
}


class TestFaults:
    @pytest.mark.parametrize(("raw", "mention"), UNREADABLE.values(), ids=UNREADABLE)
    def test_unreadable(self, options, raw, mention):
        options(KEYS=[raw])
        assert isinstance(fault(), UnreadableKey)
        assert mention in str(fault())
        assert "REFRESH_SESSIONS['KEYS'][0]" in str(fault())

    def test_no_text_file(self, options, tmp_path):
        (tmp_path / "key").write_bytes(b"\xff\xfe")
        options(KEYS=[{"algorithm": "HS256", "file": tmp_path / "key"}])
        assert "no text" in str(fault())

    def test_empty_variable(self, options, monkeypatch):
        monkeypatch.setenv("KEY_OF_THIS_TEST", "")
        options(KEYS=[{"algorithm": "HS256", "env": "KEY_OF_THIS_TEST"}])
        assert isinstance(fault(), UnreadableKey)

    def test_guessable(self, options):
        options(KEYS=[{"algorithm": "HS256", "value": "abcd" * 20}])
        assert isinstance(fault(), UnfitKey)
        assert "guessed" in str(fault())

    def test_twice_the_same(self, options):
        options(KEYS=[entry("HS256"), entry("HS384"), entry("HS256")])
        assert isinstance(fault(), RepeatedKey)

    def test_the_same_for_both_purposes(self, options):
        options(KEYS=[entry("HS256")], REFRESH_KEYS=[entry("HS256")])
        assert isinstance(fault(), RepeatedKey)

    def test_the_same_for_both_purposes_by_another_algorithm(self, options):
        key = entry("HS512")
        options(KEYS=[key], REFRESH_KEYS=[{**key, "algorithm": "HS256"}])
        assert isinstance(fault(), RepeatedKey)

    @pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
    def test_the_secret_key_itself(self, settings, options, name):
        secret = random_bytes(50)
        setattr(settings, name, secret if name == "SECRET_KEY" else [secret])
        options(KEYS=[{"algorithm": "HS256", "value": b64(secret)}])
        assert isinstance(fault(), RepeatedKey)
        assert "SECRET_KEY" in str(fault())

    def test_no_key_of_refresh_tokens_is_public(self, options):
        options(REFRESH_KEYS=[{"algorithm": "ES256", "env": "PATH"}])
        assert isinstance(fault(), UnfitKey)

    def test_all_are_found_and_the_first_is_raised(self, options):
        options(KEYS=["a", entry("HS256"), "b"], REFRESH_KEYS=["c"])
        assert [f.problem.split(" ")[0] for f in find_faults()] == [
            "REFRESH_SESSIONS['KEYS'][0]",
            "REFRESH_SESSIONS['KEYS'][2]",
            "REFRESH_SESSIONS['REFRESH_KEYS'][0]",
        ]
        with pytest.raises(UnreadableKey, match=r"\['KEYS'\]\[0\]"):
            access_token()

    def test_without_cryptography(self, options, monkeypatch):
        monkeypatch.setattr(pem, "find_spec", lambda name: None)
        options(KEYS=[{"algorithm": "ES256", "value": "not looked at"}])
        assert isinstance(fault(), MissingCryptography)
        assert "django-refresh-sessions[crypto]" in str(fault())

    def test_are_faults_of_the_settings(self):
        assert issubclass(KeyFault, SettingsError)


class TestSecrecy:
    SECRET = "Zm9vYmFyIGlzIG5vIHNlY3JldA"

    @pytest.mark.parametrize("key", ["KEYS", "REFRESH_KEYS"])
    @pytest.mark.parametrize(
        "wrap", [str, lambda x: [{"value": x, "algorithm": 7}], lambda x: {x}]
    )
    def test_no_message_about_the_setting_shows_a_key(self, key, wrap):
        said = " ".join(problems({key: wrap(self.SECRET)}))
        assert "must be a list of keys" in said
        assert self.SECRET not in said

    def test_no_fault_shows_a_key(self, options):
        for algorithm in ("HS256", "ES256", "none"):
            for more in ({}, {"file": "x"}):
                options(KEYS=[{"algorithm": algorithm, "value": self.SECRET, **more}])
                for found in find_faults():
                    assert self.SECRET not in str(found)

    def test_no_repr_shows_a_key(self, options):
        options(KEYS=[entry("HS256")])
        assert text("HS256") not in repr(get_keyring(Purpose.ACCESS))


def test_thumbprint_of_rfc_7638():
    """The example of its section 3.1."""
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    assert (
        thumbprint({"kty": "RSA", "n": modulus, "e": "AQAB"})
        == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )

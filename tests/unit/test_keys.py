"""Keys in use, their sources and their rotation. Without optional libraries."""

from itertools import pairwise

import pytest

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.keys import Purpose, get_keyring, keyring
from refresh_sessions.tokens.keys.asymmetric import thumbprint
from refresh_sessions.tokens.keys.errors import UnreadableKeyError, WrongKeyError
from tests.keys import SYMMETRIC, b64, entry, fault, random_bytes, text
from tests.unit.forge import parts
from tests.unit.valid_tokens import access_token, refresh_token

SIZES = {"HS256": 32, "HS384": 48, "HS512": 64}


class TestDerived:
    def test_empty_key_setting_means_derived_key(self, options):
        default = [get_keyring(purpose) for purpose in Purpose]
        for empty in ((), [], ["SECRET_KEY"]):
            options(KEYS=empty, REFRESH_KEYS=empty)
            assert [get_keyring(purpose) for purpose in Purpose] == default

    def test_listed_derived_key_verifies(self, options):
        old = access_token()
        options(KEYS=[entry("HS256"), "SECRET_KEY"])
        access_tokens.verify(old)
        new = access_token()
        assert parts(new)[0]["kid"] != parts(old)[0]["kid"]
        options(KEYS=["SECRET_KEY"])
        with pytest.raises(InvalidTokenError):
            access_tokens.verify(new)

    def test_unlisted_derived_key_is_refused(self, options):
        tokens = access_token(), refresh_token()
        options(KEYS=[entry("HS256")], REFRESH_KEYS=[entry("HS256", 1)])
        for verify, token in zip(
            (access_tokens.verify, refresh_tokens.verify), tokens, strict=True
        ):
            with pytest.raises(InvalidTokenError):
                verify(token)

    def test_removed_secret_key_is_refused(self, settings):
        tokens = access_token(), refresh_token()
        settings.SECRET_KEY = "another" * 10
        for verify, token in zip(
            (access_tokens.verify, refresh_tokens.verify), tokens, strict=True
        ):
            with pytest.raises(InvalidTokenError):
                verify(token)


@pytest.mark.parametrize("algorithm", SYMMETRIC)
class TestSymmetric:
    def test_symmetric_key_signs_tokens_that_verify(self, options, algorithm):
        options(KEYS=[entry(algorithm)], REFRESH_KEYS=[entry(algorithm, 1)])
        assert parts(access_token())[0]["alg"] == algorithm
        access_tokens.verify(access_token())
        refresh_tokens.verify(refresh_token())

    def test_symmetric_key_shorter_than_its_hash_is_refused(self, options, algorithm):
        size = SIZES[algorithm]
        options(KEYS=[{"algorithm": algorithm, "value": b64(random_bytes(size))}])
        assert get_keyring(Purpose.ACCESS).signing.bits == 8 * size
        options(KEYS=[{"algorithm": algorithm, "value": b64(random_bytes(size - 1))}])
        assert isinstance(fault(), WrongKeyError)
        assert f"{size} or more" in str(fault())

    def test_kid_reveals_nothing_of_symmetric_key(self, options, algorithm):
        options(KEYS=[entry(algorithm)], REFRESH_KEYS=[entry(algorithm, 1)])
        kids = {get_keyring(purpose).signing.kid for purpose in Purpose}
        assert len(kids) == len(Purpose)
        assert all(kid not in text(algorithm) for kid in kids)


class TestRotation:
    def test_first_key_signs_each_key_verifies(self, options):
        old, new = entry("HS256"), entry("HS256", 1)
        options(KEYS=[old])
        token = access_token()
        for keys in ([old, new], [new, old]):
            options(KEYS=keys)
            access_tokens.verify(token)
        options(KEYS=[new])
        with pytest.raises(InvalidTokenError):
            access_tokens.verify(token)

    def test_servers_one_rotation_step_apart_verify_each_other(self, options):
        """During a rotation, some servers are one step behind."""
        old, new = entry("HS256"), entry("HS256", 1)
        steps = [[old], [old, new], [new, old], [new]]
        for before, after in pairwise(steps):
            for signs, verifies in ((before, after), (after, before)):
                options(KEYS=signs)
                token = access_token()
                options(KEYS=verifies)
                access_tokens.verify(token)


class TestSources:
    def test_key_in_file_is_read(self, options, tmp_path):
        file = tmp_path / "key"
        file.write_text(text("HS256") + "\n")
        for path in (file, str(file)):
            options(KEYS=[{"algorithm": "HS256", "file": path}])
            assert get_keyring(Purpose.ACCESS).signing.origin == f"file {file}"
        options(KEYS=[entry("HS256")])
        assert get_keyring(Purpose.ACCESS).signing.origin == "the setting itself"

    def test_key_in_environment_is_read(self, options, monkeypatch):
        monkeypatch.setenv("KEY_OF_THIS_TEST", text("HS256"))
        options(KEYS=[{"algorithm": "HS256", "env": "KEY_OF_THIS_TEST"}])
        access_tokens.verify(access_token())

    def test_key_file_is_read_once(self, options, tmp_path):
        file = tmp_path / "key"
        file.write_text(text("HS256"))
        options(KEYS=[{"algorithm": "HS256", "file": file}])
        first = get_keyring(Purpose.ACCESS)
        file.unlink()
        assert get_keyring(Purpose.ACCESS) is first
        keyring._load_keyrings.cache_clear()
        assert isinstance(fault(), UnreadableKeyError)

    def test_key_file_is_read_again_after_error(self, options, tmp_path):
        file = tmp_path / "late"
        options(KEYS=[{"algorithm": "HS256", "file": file}])
        assert isinstance(fault(), UnreadableKeyError)
        file.write_text(text("HS256"))
        access_tokens.verify(access_token())


def test_thumbprint_matches_example_of_rfc_7638():
    """The example of RFC 7638, section 3.1."""
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

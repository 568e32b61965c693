"""``manage_session_keys``: key files, listings and rotation, without secrets in the output."""

import ast
import base64
import re
import stat
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from refresh_sessions.management.commands.manage_session_keys import Command
from refresh_sessions.tokens import access_tokens, refresh_tokens
from refresh_sessions.tokens.keys import Purpose, get_keyring
from tests.keys import ASYMMETRIC, SYMMETRIC, entry, text
from tests.unit.valid_tokens import access_token, refresh_token


def run(*arguments, **options) -> str:
    out = StringIO()
    call_command("manage_session_keys", *arguments, stdout=out, **options)
    return out.getvalue()


def pasted(said: str):
    """Return the settings entry that the command prints."""
    (entry,) = re.findall(r"\{'algorithm'.*\}", said)
    return ast.literal_eval(entry)


def kid_in(said: str) -> str:
    (kid,) = re.findall(r"kid: (\S+)", said)
    return str(kid)


class TestGenerate:
    @pytest.mark.parametrize("algorithm", [*ASYMMETRIC, *SYMMETRIC])
    def test_generated_key_file_matches_printed_setting(self, tmp_path, options, algorithm):
        if algorithm in ASYMMETRIC:
            pytest.importorskip("cryptography")
        file = tmp_path / "key"
        said = run("generate", "--algorithm", algorithm, "--file", str(file))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text().strip() not in said
        options(KEYS=[pasted(said)])
        signing = get_keyring(Purpose.ACCESS).signing
        assert (signing.algorithm, signing.kid) == (algorithm, kid_in(said))
        access_tokens.verify(access_token())

    def test_generated_refresh_key_matches_printed_setting(self, tmp_path, options):
        said = run("generate", "--setting", "REFRESH_KEYS", "--file", str(tmp_path / "key"))
        options(REFRESH_KEYS=[pasted(said)])
        assert get_keyring(Purpose.REFRESH).signing.kid == kid_in(said)
        refresh_tokens.verify(refresh_token())

    def test_generating_asymmetric_refresh_key_fails(self, tmp_path):
        with pytest.raises(CommandError, match="HS256"):
            run("generate", "--setting", "REFRESH_KEYS", "--algorithm", "ES256")

    def test_generated_key_without_file_is_printed(self, options, monkeypatch):
        said = run("generate", "--algorithm", "HS512")
        value, *_ = said.splitlines()
        monkeypatch.setenv("NAME_OF_THE_VARIABLE", value)
        options(KEYS=[pasted(said)])
        assert get_keyring(Purpose.ACCESS).signing.kid == kid_in(said)

    def test_generating_key_over_existing_file_fails(self, tmp_path):
        file = tmp_path / "key"
        file.write_text("precious")
        with pytest.raises(CommandError, match="was not changed"):
            run("generate", "--algorithm", "HS256", "--file", str(file))
        assert file.read_text() == "precious"

    def test_generating_key_over_symbolic_link_fails(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(CommandError, match="was not changed"):
            run("generate", "--algorithm", "HS256", "--file", str(tmp_path / "link"))
        assert not (tmp_path / "elsewhere").exists()

    def test_generating_key_in_missing_folder_fails(self, tmp_path):
        with pytest.raises(CommandError, match="No such file"):
            run("generate", "--algorithm", "HS256", "--file", str(tmp_path / "no" / "key"))

    def test_generating_key_works_without_valid_settings(self, tmp_path, options):
        file = tmp_path / "key"
        options(KEYS=[{"algorithm": "HS256", "file": file}])
        assert not Command.requires_system_checks
        run("generate", "--algorithm", "HS256", "--file", str(file))
        access_tokens.verify(access_token())

    def test_generating_asymmetric_key_without_cryptography_fails(self, monkeypatch):
        name = "refresh_sessions.tokens.keys.new_keys.find_spec"
        monkeypatch.setattr(name, lambda name: None)
        with pytest.raises(CommandError, match=r"django-refresh-sessions\[crypto\]"):
            run("generate")


class TestList:
    def test_key_list_has_names_sizes_roles(self, options):
        options(KEYS=[entry("HS512"), "SECRET_KEY"], REFRESH_KEYS=[entry("HS256")])
        said = run("list")
        signing = get_keyring(Purpose.ACCESS).signing
        line = f"{signing.kid}  HS512  512 bits  signs and verifies  from the setting itself"
        assert line in said
        assert "HS256  256 bits  verifies  from SECRET_KEY" in said
        assert len(said.splitlines()) == 5

    def test_key_list_shows_no_secret(self, options, settings):
        settings.SECRET_KEY_FALLBACKS = ["an older secret key " * 3]
        options(KEYS=[entry("HS512"), "SECRET_KEY"], REFRESH_KEYS=[entry("HS256")])
        said = run("list")
        assert "SECRET_KEY_FALLBACKS[0]" in said
        for secret in (text("HS512"), text("HS256"), settings.SECRET_KEY, "an older secret"):
            assert secret not in said

    def test_key_list_with_missing_key_fails(self, options):
        options(KEYS=[{"algorithm": "HS256", "file": "/nowhere"}])
        with pytest.raises(CommandError, match="/nowhere"):
            run("list")


class TestRotate:
    def test_key_rotation_instructions_keep_tokens_valid(self, tmp_path, options):
        old = entry("HS256")
        options(KEYS=[old])
        held, file = access_token(), tmp_path / "next"
        said = run("rotate", "--file", str(file))
        assert get_keyring(Purpose.ACCESS).signing.kid in said
        new = pasted(said)
        assert new == {"algorithm": "HS256", "file": str(file)}
        for keys in ([old, new], [new, old]):
            options(KEYS=keys)
            access_tokens.verify(held)
        assert get_keyring(Purpose.ACCESS).signing.kid == kid_in(said)
        assert "Wait 0:15:05" in said
        assert text("HS256") not in said
        assert file.read_text().strip() not in said

    def test_key_rotation_from_empty_setting_names_secret_key(self, tmp_path, options):
        said = run("rotate", "--file", str(tmp_path / "next"))
        assert "KEYS is empty now, which means ['SECRET_KEY']" in said

    def test_key_rotation_to_another_algorithm_mentions_jwks(self, tmp_path):
        pytest.importorskip("cryptography")
        said = run("rotate", "--file", str(tmp_path / "next"), "--algorithm", "ES256")
        assert pasted(said)["algorithm"] == "ES256"
        assert "jwks.json" in said

    def test_key_rotation_of_refresh_keys_waits_for_longest_session(self, tmp_path):
        said = run("rotate", "--file", str(tmp_path / "next"), "--setting", "REFRESH_KEYS")
        assert "Wait 7 days" in said

    def test_key_rotation_without_file_fails(self):
        with pytest.raises(CommandError, match="--file"):
            run("rotate")


class TestClient:
    def test_introspection_client_prints_secret_with_digest_setting(self, options, client, db):
        said = run("client", "--name", "billing")
        secret = re.search(r"only now: (\S+)", said).group(1)
        options(INTROSPECTION_CLIENTS=ast.literal_eval("{" + said.split(": ", 2)[2] + "}"))
        client.credentials(HTTP_AUTHORIZATION=f"Basic {_basic('billing', secret)}")
        answer = client.post("/auth/introspect/", {"token": "x"}, format="json")
        assert answer.json() == {"active": False}

    @pytest.mark.parametrize("name", ["a b", "a:b", "", "ä"])
    def test_introspection_client_with_invalid_name_fails(self, name):
        with pytest.raises(CommandError, match="has a client"):
            run("client", "--name", name)

    def test_introspection_client_without_name_fails(self):
        with pytest.raises(CommandError, match="--name"):
            run("client")


def _basic(name, secret) -> str:
    return base64.b64encode(f"{name}:{secret}".encode()).decode()

"""``manage_session_keys``: keys in files of their own, and no secret where none is asked for."""

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
from tests.unit.made import access_token, refresh_token


def run(*arguments, **options) -> str:
    out = StringIO()
    call_command("manage_session_keys", *arguments, stdout=out, **options)
    return out.getvalue()


def pasted(said: str):
    """The entry that a person would paste."""
    (entry,) = re.findall(r"\{'algorithm'.*\}", said)
    return ast.literal_eval(entry)


def kid_in(said: str) -> str:
    (kid,) = re.findall(r"kid: (\S+)", said)
    return str(kid)


class TestGenerate:
    @pytest.mark.parametrize("algorithm", [*ASYMMETRIC, *SYMMETRIC])
    def test_writes_a_file_and_says_what_to_paste(self, tmp_path, options, algorithm):
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

    def test_for_refresh_tokens(self, tmp_path, options):
        said = run("generate", "--setting", "REFRESH_KEYS", "--file", str(tmp_path / "key"))
        options(REFRESH_KEYS=[pasted(said)])
        assert get_keyring(Purpose.REFRESH).signing.kid == kid_in(said)
        refresh_tokens.verify(refresh_token())

    def test_for_refresh_tokens_makes_symmetric_keys_only(self, tmp_path):
        with pytest.raises(CommandError, match="HS256"):
            run("generate", "--setting", "REFRESH_KEYS", "--algorithm", "ES256")

    def test_prints_the_key_where_no_file_is_named(self, options, monkeypatch):
        said = run("generate", "--algorithm", "HS512")
        value, *_ = said.splitlines()
        monkeypatch.setenv("NAME_OF_THE_VARIABLE", value)
        options(KEYS=[pasted(said)])
        assert get_keyring(Purpose.ACCESS).signing.kid == kid_in(said)

    def test_overwrites_nothing(self, tmp_path):
        file = tmp_path / "key"
        file.write_text("precious")
        with pytest.raises(CommandError, match="was not changed"):
            run("generate", "--algorithm", "HS256", "--file", str(file))
        assert file.read_text() == "precious"

    def test_follows_no_link(self, tmp_path):
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(CommandError, match="was not changed"):
            run("generate", "--algorithm", "HS256", "--file", str(tmp_path / "link"))
        assert not (tmp_path / "elsewhere").exists()

    def test_says_where_nothing_can_be_written(self, tmp_path):
        with pytest.raises(CommandError, match="No such file"):
            run("generate", "--algorithm", "HS256", "--file", str(tmp_path / "no" / "key"))

    def test_runs_where_a_key_is_missing(self, tmp_path, options):
        file = tmp_path / "key"
        options(KEYS=[{"algorithm": "HS256", "file": file}])
        assert not Command.requires_system_checks
        run("generate", "--algorithm", "HS256", "--file", str(file))
        access_tokens.verify(access_token())

    def test_without_cryptography(self, monkeypatch):
        name = "refresh_sessions.tokens.keys.new_keys.find_spec"
        monkeypatch.setattr(name, lambda name: None)
        with pytest.raises(CommandError, match=r"django-refresh-sessions\[crypto\]"):
            run("generate")


class TestList:
    def test_shows_names_sizes_and_roles(self, options):
        options(KEYS=[entry("HS512"), "SECRET_KEY"], REFRESH_KEYS=[entry("HS256")])
        said = run("list")
        signing = get_keyring(Purpose.ACCESS).signing
        line = f"{signing.kid}  HS512  512 bits  signs and verifies  from the setting itself"
        assert line in said
        assert "HS256  256 bits  verifies  from SECRET_KEY" in said
        assert len(said.splitlines()) == 5

    def test_shows_no_secret(self, options, settings):
        settings.SECRET_KEY_FALLBACKS = ["an older secret key " * 3]
        options(KEYS=[entry("HS512"), "SECRET_KEY"], REFRESH_KEYS=[entry("HS256")])
        said = run("list")
        assert "SECRET_KEY_FALLBACKS[0]" in said
        for secret in (text("HS512"), text("HS256"), settings.SECRET_KEY, "an older secret"):
            assert secret not in said

    def test_says_what_is_wrong(self, options):
        options(KEYS=[{"algorithm": "HS256", "file": "/nowhere"}])
        with pytest.raises(CommandError, match="/nowhere"):
            run("list")


class TestRotate:
    def test_prepares_what_changes_no_answer(self, tmp_path, options):
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

    def test_tells_that_an_empty_setting_stands_for_something(self, tmp_path, options):
        said = run("rotate", "--file", str(tmp_path / "next"))
        assert "KEYS is empty now, which means ['SECRET_KEY']" in said

    def test_to_another_algorithm(self, tmp_path):
        pytest.importorskip("cryptography")
        said = run("rotate", "--file", str(tmp_path / "next"), "--algorithm", "ES256")
        assert pasted(said)["algorithm"] == "ES256"
        assert "jwks.json" in said

    def test_of_refresh_tokens_waits_for_the_longest_session(self, tmp_path):
        said = run("rotate", "--file", str(tmp_path / "next"), "--setting", "REFRESH_KEYS")
        assert "Wait 7 days" in said

    def test_needs_a_file(self):
        with pytest.raises(CommandError, match="--file"):
            run("rotate")


class TestClient:
    def test_shows_the_secret_once_and_keeps_its_digest(self, options, client, db):
        said = run("client", "--name", "billing")
        secret = re.search(r"only now: (\S+)", said).group(1)
        options(INTROSPECTION_CLIENTS=ast.literal_eval("{" + said.split(": ", 2)[2] + "}"))
        client.credentials(HTTP_AUTHORIZATION=f"Basic {_basic('billing', secret)}")
        answer = client.post("/auth/introspect/", {"token": "x"}, format="json")
        assert answer.json() == {"active": False}

    @pytest.mark.parametrize("name", ["a b", "a:b", "", "ä"])
    def test_takes_names_that_the_header_can_carry(self, name):
        with pytest.raises(CommandError, match="has a client"):
            run("client", "--name", name)

    def test_needs_a_name(self):
        with pytest.raises(CommandError, match="--name"):
            run("client")


def _basic(name, secret) -> str:
    return base64.b64encode(f"{name}:{secret}".encode()).decode()

"""Keys of DPoP proofs: the key file, and keys that the caller brings."""

import errno
import os
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import ClassVar

import pytest

from refresh_sessions.client import DPoPKey, SessionAuth, StorageError, TransientError
from tests.interpreters import run_afresh
from tests.python_client.model_server import BASE_URL

pytest.importorskip("cryptography")

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from refresh_sessions.client.keys import KeyFile
from refresh_sessions.client.proofs import Prover
from tests.python_client.dpop_server import DPoPServer

KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
}


class DeviceKey:
    """A key as a device has it: it signs, and shows its public part alone."""

    def __init__(self, algorithm, extra=None):
        self.algorithm = algorithm
        self._private, self._extra = KEYS[algorithm](), extra or {}
        self._signer = jwt.get_algorithm_by_name(algorithm.replace("Ed25519", "EdDSA"))
        self.signed = []

    @property
    def public_jwk(self):
        return {**self._signer.to_jwk(self._private.public_key(), as_dict=True), **self._extra}

    def sign(self, message):
        self.signed.append(message)
        return self._signer.sign(message, self._private)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys" / "key.pem"


@pytest.fixture
def server(simulated):
    return DPoPServer(simulated, access_tokens=True, nonces=True)


def pem(key, encryption=None):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())


def thumbprint(path):
    return Prover(path).thumbprint


class TestFile:
    def test_absent_file_is_created_private_whatever_the_umask(self, path):
        before = os.umask(0)
        try:
            first = thumbprint(path)
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
        assert thumbprint(path) == first
        assert not list(path.parent.glob(".*"))

    def test_nothing_is_created_before_the_first_login(self, make_auth, path):
        auth = make_auth(dpop=path)
        assert not path.exists()
        auth.login()
        assert path.exists()

    def test_new_file_is_on_the_disk_before_the_login(self, server, make_auth, path, monkeypatch):
        synced, sync = [], os.fsync

        def recording(descriptor):
            if not server.seen:
                synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", recording)
        make_auth(dpop=path).login()
        assert synced == [f"{path.parent}/.key.pem.new", str(path.parent)]

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
    def test_file_that_others_can_read_is_refused_with_the_command(self, path, mode):
        thumbprint(path)
        path.chmod(mode)
        with pytest.raises(StorageError) as raised:
            thumbprint(path)
        assert f"chmod 600 {path}" in str(raised.value)
        assert "delete it and log in again" in str(raised.value)
        assert (raised.value.action, raised.value.code) == ("fix", "storage_readable")

    @pytest.mark.parametrize("length", [0, 1, 20, 100, -40])
    def test_file_that_is_cut_off_is_an_error_and_stays(self, server, make_auth, path, length):
        thumbprint(path)
        content = path.read_bytes()[:length]
        path.write_bytes(content)
        with pytest.raises(StorageError, match=r"Restore it .* or delete it") as raised:
            make_auth(dpop=path).login()
        assert (raised.value.action, raised.value.code) == ("fix", "key_invalid")
        assert path.read_bytes() == content
        assert not server.seen

    @pytest.mark.parametrize(
        "content",
        [
            b"\xff\xfe",
            b"{}",
            b"x" * 10**6,
            pem(KEYS["EdDSA"]()),
            pem(KEYS["RS256"]()),
            pem(ec.generate_private_key(ec.SECP384R1())),
            pem(KEYS["ES256"](), BestAvailableEncryption(b"secret")),
            ec.generate_private_key(ec.SECP256R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        ],
        ids=["bytes", "JSON", "long", "EdDSA", "RSA", "P-384", "encrypted", "public"],
    )
    def test_other_content_is_an_error_that_quotes_none_of_it(self, tmp_path, content):
        (tmp_path / "key").write_bytes(content)
        (tmp_path / "key").chmod(0o600)
        with pytest.raises(StorageError, match="not a complete ES256 key") as raised:
            thumbprint(tmp_path / "key")
        assert raised.value.__cause__ is None
        assert raised.value.__context__ is None

    def test_key_of_openssl_is_read(self, tmp_path):
        command = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"
        subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)  # noqa: S603
        (tmp_path / "key.pem").chmod(0o600)
        assert thumbprint(tmp_path / "key.pem")

    def test_directory_is_an_error(self, tmp_path):
        with pytest.raises(StorageError):
            thumbprint(tmp_path)

    def test_full_disk_is_an_error_before_anything_is_sent(
        self, server, make_auth, path, monkeypatch
    ):
        def full(descriptor):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left on device"):
            make_auth(dpop=path).login()
        assert not server.seen
        assert not path.exists()

    def test_threads_create_one_key(self, path):
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(thumbprint, [path] * 8))) == 1

    def test_processes_create_one_key(self, path):
        with get_context("spawn").Pool(4) as pool:
            assert len(set(pool.map(thumbprint, [path] * 8, chunksize=1))) == 1

    def test_process_that_is_killed_before_the_rename_is_no_obstacle(self, path):
        path.parent.mkdir()
        path.with_name(".key.pem.new").write_text("half")
        assert thumbprint(path) == thumbprint(path)

    def test_busy_lock_is_a_transient_error(self, path, monkeypatch):
        monkeypatch.setattr("refresh_sessions.client.keys._LOCK_TIMEOUT", 0.05)
        with KeyFile(path)._file.lock(1), pytest.raises(TransientError) as raised:
            thumbprint(path)
        assert raised.value.code == "storage_locked"

    def test_reprs_contain_the_path_and_no_key(self, make_auth, path):
        auth = make_auth(dpop=path)
        auth.login()
        prover = auth._source.endpoints.prover
        shown = repr([prover, prover._key(), auth, vars(auth)])
        assert str(path) in shown
        secret = path.read_text().splitlines()[1]
        assert secret not in shown

    def test_missing_extra_is_an_error_that_names_it(self, path):
        run_afresh(
            "import sys\n"
            "sys.modules['cryptography'] = None\n"
            "from refresh_sessions.client import SessionAuth\n"
            "try:\n"
            f"    SessionAuth({BASE_URL!r}, dpop={str(path)!r})\n"
            "except ImportError as error:\n"
            "    assert 'django-refresh-sessions[client,crypto]' in str(error), error\n"
            "else:\n"
            "    raise AssertionError\n"
        )


class TestOwnKey:
    @pytest.mark.parametrize("algorithm", KEYS)
    def test_session_is_bound_to_it(self, server, simulated, make_auth, connect, algorithm):
        key: DPoPKey = DeviceKey(algorithm)
        with connect(make_auth(dpop=key)) as web:
            for _ in range(3):
                assert web.get("/items/").status_code == 200
                simulated.advance(61)
        assert server.refusals == {"nonce": 1}
        assert (server.session, server.misuses) == (1, 0)
        assert len(key.signed) == server.accepted + 1

    def test_it_needs_neither_pyjwt_nor_cryptography(self):
        run_afresh(
            "import sys\n"
            "sys.modules['cryptography'] = sys.modules['jwt'] = None\n"
            "import httpx\n"
            "from refresh_sessions.client import SessionAuth\n"
            "class Key:\n"
            "    algorithm = 'RS256'\n"
            "    public_jwk = {'kty': 'RSA', 'n': 'AQAB', 'e': 'AQAB'}\n"
            "    def sign(self, message):\n"
            "        return b'signature'\n"
            f"auth = SessionAuth({BASE_URL!r}, dpop=Key())\n"
            "url = httpx.URL('https://api.example.org/')\n"
            "assert auth._source.endpoints.prover.prove('GET', url).count('.') == 2\n"
        )

    def test_further_members_are_not_sent(self, server, make_auth):
        key = DeviceKey("RS256", {"kid": "1", "use": "sig", "d": "private", "alg": "RS256"})
        make_auth(dpop=key).login()
        header = jwt.get_unverified_header(server.seen[-1].headers["dpop"])
        assert header["jwk"].keys() == {"kty", "e", "n"}

    @pytest.mark.parametrize("algorithm", ["HS256", "none", "ES384", "", None])
    def test_other_algorithm_is_refused_at_once(self, algorithm):
        key = DeviceKey("ES256")
        key.algorithm = algorithm
        with pytest.raises(ValueError, match="algorithm"):
            SessionAuth(BASE_URL, dpop=key)

    @pytest.mark.parametrize("jwk", [{}, {"kty": "oct", "k": "x"}, {"kty": "EC"}, {"kty": []}])
    def test_other_jwk_is_refused_at_once(self, jwk):
        class Key(DeviceKey):
            public_jwk = jwk

        with pytest.raises(ValueError, match="public JWK"):
            SessionAuth(BASE_URL, dpop=Key("ES256"))

    def test_der_signature_is_an_error_that_names_the_form(self, server, make_auth):
        class Key(DeviceKey):
            def sign(self, message):
                return self._private.sign(message, ec.ECDSA(jwt.algorithms.hashes.SHA256()))

        with pytest.raises(ValueError, match="convert a DER signature"):
            make_auth(dpop=Key("ES256")).login()
        assert not server.seen

    def test_failing_key_raises_its_own_error_and_keeps_the_tokens(
        self, server, make_auth, storage_of
    ):
        key = DeviceKey("ES256")
        auth = make_auth(dpop=key)
        auth.login()
        before = storage_of(auth)

        def removed(message):
            raise RuntimeError("The card was removed.")

        key.sign = removed
        with pytest.raises(RuntimeError, match="card"):
            auth.refresh()
        assert storage_of(auth) == before
        del key.sign
        auth.refresh()

    @pytest.fixture
    def storage_of(self):
        return lambda auth: auth._source.storage.load()


def test_thumbprint_is_that_of_the_rfc():
    """RFC 7638 §3.1."""

    class Key:
        algorithm = "RS256"
        public_jwk: ClassVar = {
            "kty": "RSA",
            "n": (
                "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6"
                "tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5"
                "v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD0"
                "8qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU"
                "8awapJzKnqDKgw"
            ),
            "e": "AQAB",
            "alg": "RS256",
            "kid": "2011-04-29",
        }

    assert Prover(Key()).thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

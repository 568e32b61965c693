"""Keys of DPoP proofs (RFC 9449): the protocol for keys of the caller, and the key file.

The only module of the client that imports PyJWT and cryptography, and only for a key file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from refresh_sessions.client.errors import StorageError, TransientError
from refresh_sessions.client.private_files import PrivateFile

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_LOCK_TIMEOUT: Final = 10.0


class DPoPKey(Protocol):
    """A private key that the caller holds, such as one of a TPM, an HSM or a keyring.

    ``sign`` may be called in several threads at once, and in worker threads during async calls.
    """

    @property
    def public_jwk(self) -> Mapping[str, Any]:
        """The public key as a JWK (RFC 7517): ``kty`` and ``crv, x, y``, or ``n, e``."""

    @property
    def algorithm(self) -> str:
        """The JWS algorithm: ES256, EdDSA, Ed25519, RS256 or PS256."""

    def sign(self, message: bytes, /) -> bytes:
        """Return the signature as JWS has it. With ES256 it has 64 bytes, ``r`` before ``s``."""


class KeyFile:
    """An ES256 key in a file, as PKCS #8 PEM with mode 0600."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name the file; nothing is read yet.

        Raises:
            ImportError: the extra ``crypto`` is not installed.

        """
        require_cryptography()
        self._file = PrivateFile(path, if_readable="delete it and log in again")

    def __repr__(self) -> str:
        return f"KeyFile({str(self._file.path)!r})"

    def open(self) -> FileKey:
        """Read the key, and create the file if it is missing. One of several processes creates it.

        Raises:
            StorageError: others can read the file, or it contains no complete ES256 key.
            TransientError: another process has the lock for too long.

        """
        content = self._file.read()
        if content is None:
            content = self._create()
        return FileKey(self._parse(content))

    def _create(self) -> bytes:
        try:
            with self._file.lock(_LOCK_TIMEOUT):
                content = self._file.read()
                if content is None:
                    content = _generate()
                    self._file.write(content)
                return content
        except TimeoutError as error:
            raise TransientError(
                f"Another process has the lock of {self._file.path} for too long. Try again.",
                code="storage_locked",
            ) from error

    def _parse(self, content: bytes) -> EllipticCurvePrivateKey:
        # PyJWT is slow to import: only a key file needs it.
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_private_key,
        )

        try:
            key = load_pem_private_key(content, password=None)
        except Exception:  # noqa: BLE001 - it raises four kinds, and their texts quote the file
            key = None
        if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return key
        raise StorageError(
            f"{self._file.path} is not a complete ES256 key (PKCS #8 PEM, without a password). "
            "Restore it from a backup, or delete it and log in again: a new key is created then.",
            code="key_invalid",
        )


class FileKey:
    """The key of a file, in memory."""

    algorithm = "ES256"

    def __init__(self, private: EllipticCurvePrivateKey) -> None:
        from jwt.algorithms import ECAlgorithm  # noqa: PLC0415

        self._private, self._signer = private, ECAlgorithm(ECAlgorithm.SHA256)
        self.public_jwk = ECAlgorithm.to_jwk(private.public_key(), as_dict=True)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of the message."""
        return self._signer.sign(message, self._private)


def require_cryptography() -> None:
    """Import what a key file needs.

    Raises:
        ImportError: it is not installed; the message says how to install it.

    """
    try:
        import cryptography.hazmat.primitives.asymmetric.ec  # noqa: F401, PLC0415
        import jwt  # noqa: F401, PLC0415
    except ImportError as error:
        raise ImportError(
            f"A key file needs the package {error.name}. Install it with: "
            'pip install "django-refresh-sessions[client,crypto]"',
            name=error.name,
        ) from error


def _generate() -> bytes:
    """A new private key as PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

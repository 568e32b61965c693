"""HTTPS on loopback: a certificate authority, a certificate, and a server in a thread."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "app.example.com"
"""Browsers bind sessions of registrable domains only, and not of localhost."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of a certificate authority and of a server certificate for ``HOST``."""

    authority: Path
    server: Path
    """The certificate and its key."""

    @classmethod
    def create(cls, folder: Path) -> Certificates:
        """Create both, valid from yesterday on for a week."""
        files = cls(authority=folder / "authority.pem", server=folder / "server.pem")
        issuer, issuer_key = _name("Tests"), ec.generate_private_key(ec.SECP256R1())
        key = ec.generate_private_key(ec.SECP256R1())
        authority = _builder(issuer, issuer, issuer_key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        server = _builder(_name(HOST), issuer, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False
        )
        files.authority.write_bytes(_sign(authority, issuer_key))
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        files.server.write_bytes(_sign(server, issuer_key) + pem)
        return files


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(yesterday)
        .not_valid_after(yesterday + timedelta(days=8))
    )


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


class _RequestHandler(WSGIRequestHandler):
    """Tells the application that the request is secure."""

    def get_environ(self) -> WSGIEnvironment:
        return {**super().get_environ(), "HTTPS": "on"}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        logger.debug(format, *args)


class _Server(ThreadedWSGIServer):
    """Closes the connections that the browser keeps, so that a stopped server answers nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().close_request(request)

    def close_connections(self) -> None:
        for connection in list(self._connections):
            # The thread of the connection may have closed it.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers close connections at any time; the default prints that."""


class SecureServer:
    """Serves a WSGI application at ``https://app.example.com:<port>`` on loopback.

    ``stop`` and ``start`` restart it at the same port.
    """

    def __init__(
        self,
        application: WSGIApplication,
        certificates: Certificates,
        *,
        connections: Mapping[str, Any] | None = None,
    ) -> None:
        """Describe the server.

        Args:
            application: the WSGI application.
            certificates: of which the server shows one.
            connections: database connections of this thread that the server's threads use.

        """
        self._application, self._connections = application, dict(connections or {})
        self.answers: list[tuple[str, str, int]] = []
        """Method, path and status of each request."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.server)
        self._server: _Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    def start(self) -> None:
        """Listen, and answer in threads."""
        server = _Server(
            ("127.0.0.1", self.port), _RequestHandler, connections_override=self._connections
        )
        server.set_app(self._record)
        # The handshake is for the thread of the connection.
        server.socket = self._context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._server, self.port = server, server.server_address[1]
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()

    def _record(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        def record(status: str, headers: list[tuple[str, str]], error: Any = None) -> Any:
            request = environ["REQUEST_METHOD"], environ["PATH_INFO"]
            self.answers.append((*request, int(status.partition(" ")[0])))
            return start(status, headers, error)

        return self._application(environ, record)

    def stop(self) -> None:
        """Refuse connections until ``start``."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.close_connections()
            self._server = None

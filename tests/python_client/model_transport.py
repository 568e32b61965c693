"""Transports to the model server, which consume bodies as a network does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx

from tests.python_client.model_server import ModelServer


class ModelTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """For ``httpx.Client`` and ``httpx.AsyncClient``."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        return self._answer(request, b"".join(request.stream))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        return self._answer(request, b"".join([chunk async for chunk in request.stream]))

    def _answer(self, request: httpx.Request, content: bytes) -> httpx.Response:
        received = httpx.Request(
            request.method, request.url, headers=request.headers, content=content
        )
        response = self._server(received)
        stream = _Stream(response.content)
        return httpx.Response(response.status_code, headers=response.headers, stream=stream)


class _Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content

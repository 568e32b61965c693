"""The Kotlin host, compiled once."""

import pytest

from tests.clients.phones import kotlin


@pytest.fixture(scope="session")
def kotlin_command(tmp_path_factory):
    """The command that starts the host of the Kotlin client."""
    if reason := kotlin.left_out():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("kotlin")
    kotlin.compile_host(directory)
    return kotlin.command(directory)

"""The JavaScript client: its own tests, which node runs, and its size.

The tests of the adapters and of the npm package need libraries: ``tests/clients``.
"""

import gzip
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.storage import FileSystemStorage

from refresh_sessions.conf import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
STATIC = CHECKOUT / "refresh_sessions" / "static"
NAMES = ("refresh_sessions/client.js", "refresh_sessions/client-dpop.js")
MODULE, DPOP_MODULE = (STATIC / name for name in NAMES)
TESTS = CHECKOUT / "clients" / "js" / "test"

MAX_SIZE = 6250
"""Bytes that a browser loads, compressed with gzip; ``client.min.js`` has a limit of its own."""
MAX_SIZE_OF_DPOP = 4250
"""The same of the module for DPoP, which a browser loads with the option."""

OLDEST_NODE = 20


def missing_node() -> str | None:
    """Return why node cannot run the tests, or None if it can."""
    if (node := shutil.which("node")) is None:
        return "node is not installed"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return None if int(version.stdout[1:].split(".")[0]) >= OLDEST_NODE else "node is too old"


@pytest.mark.parametrize(
    ("name", "least"),
    [("client", 70), ("bad-input", 50), ("budget", 20), ("dpop", 90), ("tabs", 500)],
)
def test_module_in_node_passes_its_tests(name, least):
    if reason := missing_node():
        if os.environ.get("REFRESH_SESSIONS_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(  # noqa: S603  (our own tests)
        ["node", "--test", str(TESTS / f"{name}.test.js")],  # noqa: S607
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    (passed,) = re.findall(r"^\S+ pass (\d+)", done.stdout, re.MULTILINE)
    assert int(passed) >= least


class AggregatingStorage(ManifestStaticFilesStorage):
    """The storage that changes most: it replaces the paths of imports, too."""

    support_js_module_import_aggregation = True


@pytest.mark.parametrize("name", NAMES)
def test_module_is_found_as_static_file(name):
    found = finders.find(name)
    assert found
    assert Path(found).samefile(STATIC / name)


def collect(storage: ManifestStaticFilesStorage) -> list[Path]:
    """Collect the modules; return the paths of the hashed files."""
    source = FileSystemStorage(location=STATIC)
    for name in NAMES:
        with source.open(name) as file:
            storage.save(name, file)
    for _, _, processed in storage.post_process({name: (source, name) for name in NAMES}):
        assert processed is True
    return [Path(storage.path(storage.stored_name(name))) for name in NAMES]


def test_modules_under_manifest_storage_are_unchanged(tmp_path):
    storage = ManifestStaticFilesStorage(location=tmp_path, base_url="/static/")
    for name, hashed in zip(NAMES, collect(storage), strict=True):
        assert re.fullmatch(r"client(-dpop)?\.[0-9a-f]{12}\.js", hashed.name)
        assert hashed.read_bytes() == (STATIC / name).read_bytes()
        # The import of the other module finds it under its own name, too.
        assert (tmp_path / name).read_bytes() == (STATIC / name).read_bytes()


def test_modules_under_aggregating_storage_import_the_hashed_name(tmp_path):
    storage = AggregatingStorage(location=tmp_path, base_url="/static/")
    client, dpop = collect(storage)
    text = MODULE.read_text("utf-8")
    assert client.read_text("utf-8") == text.replace("./client-dpop.js", f"./{dpop.name}")
    assert dpop.read_bytes() == DPOP_MODULE.read_bytes()


LOGIN_WITH_PROOF = """
const { createClient } = await import(process.argv[1]);
const fetch = async (request) => {
    const bound = request.headers.get("DPoP") && "dpop";
    return Response.json({ access: "a", refresh: "r", session: { id: "s", bound } });
};
const client = createClient({ baseUrl: "http://localhost/", dpop: true, fetch });
console.log((await client.login("ada", "secret")).session.bound);
"""


@pytest.mark.parametrize(
    ("storage_class", "keep_only_hashed"),
    [
        (ManifestStaticFilesStorage, False),
        (AggregatingStorage, False),
        # As WhiteNoise does with WHITENOISE_KEEP_ONLY_HASHED_FILES.
        (AggregatingStorage, True),
    ],
)
def test_collected_module_loads_dpop_module(tmp_path, storage_class, keep_only_hashed):
    if reason := missing_node():
        pytest.skip(reason)
    storage = storage_class(location=tmp_path, base_url="/static/")
    client, _ = collect(storage)
    if keep_only_hashed:
        for name in NAMES:
            storage.delete(name)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    done = subprocess.run(  # noqa: S603  (our own program)
        ["node", "--input-type=module", "--eval", LOGIN_WITH_PROOF, str(client)],  # noqa: S607
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "dpop", done.stderr


def test_dpop_module_size_is_below_limit():
    assert compressed_size(DPOP_MODULE.read_text("utf-8")) < MAX_SIZE_OF_DPOP


def test_module_size_is_below_limit():
    assert compressed_size(MODULE.read_text("utf-8")) < MAX_SIZE


def compressed_size(text: str) -> int:
    return len(gzip.compress(text.encode(), 9, mtime=0))


def test_module_time_out_of_refresh_is_below_third_of_overlap():
    (time_out,) = re.findall(r"^const TIMEOUT = (\d+);", MODULE.read_text("utf-8"), re.MULTILINE)
    assert int(time_out) < Settings().ROTATION_OVERLAP.total_seconds() * 1000 / 3

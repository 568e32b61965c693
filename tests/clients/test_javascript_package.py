"""The npm package of the JavaScript client, and its adapters with the libraries themselves."""

import subprocess
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "clients" / "js"


def run(*command: str) -> None:
    done = subprocess.run(  # noqa: S603  (our own tests)
        command, cwd=PACKAGE, capture_output=True, encoding="utf-8", timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr


@pytest.mark.parametrize("file", ["adapters/adapters", "package"])
def test_package_with_its_libraries_passes_its_tests(file):
    run("node", "--test", f"test/{file}.test.js")


def test_package_passes_strict_type_checks():
    run("node", "node_modules/typescript/bin/tsc", "-p", ".")


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("client.js", "let epoch = 0;", 'let epoch = "";'),
        ("client-dpop.js", "const MAX_KEYS = 3;", 'const MAX_KEYS = "3";'),
    ],
)
def test_type_checks_of_modules_find_a_wrong_type(tmp_path, name, right, wrong):
    for module in ("client.js", "client-dpop.js"):
        source = PACKAGE / "../../refresh_sessions/static/refresh_sessions" / module
        text = source.read_text("utf-8")
        if module == name:
            assert right in text
            text = text.replace(right, wrong)
        (tmp_path / module).write_text(text, "utf-8")
    config = f'{{"extends": "{PACKAGE}/tsconfig.json", "files": ["client.js"], "include": []}}'
    (tmp_path / "tsconfig.json").write_text(config, "utf-8")
    with pytest.raises(AssertionError, match=rf"{name}\(.*error TS2(?!307)"):
        run("node", "node_modules/typescript/bin/tsc", "-p", str(tmp_path))

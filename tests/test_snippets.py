"""Python blocks in the documentation compile, and their imports exist.

Blocks with annotations also pass the strict type checks.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from inspect import getdoc
from pathlib import Path
from textwrap import dedent

import pytest

from refresh_sessions.policies import SessionPolicy

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^( *)```(?:python|py)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def snippets() -> Iterator[tuple[str, str]]:
    """Each block with a name."""
    for page in PAGES:
        for number, block in enumerate(FENCE.finditer(page.read_text(encoding="utf-8"))):
            yield f"{page.stem.replace('-', '_').lower()}_{number}", dedent(block[2])


SNIPPETS = dict(snippets())


def is_typed(code: str) -> bool:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(ast.parse(code)) if isinstance(node, kinds)]
    return any(function.returns for function in functions)


def documented_policy() -> str:
    """The example in the docstring of ``SessionPolicy``, with the imports of docs/settings.md."""
    (example,) = re.findall(r"::\n\n(    .*?)\n(?=\S)", getdoc(SessionPolicy) or "", re.DOTALL)
    (settings,) = [
        code for code in SNIPPETS.values() if "class Policy" in code and "Login" in code
    ]
    return f"{settings[: settings.index('class Login')]}\n{dedent(example)}\n"


def test_pages_have_snippets():
    assert len(SNIPPETS) > 25
    assert {"readme_0", "step_up_0", "migrating_1"} <= SNIPPETS.keys()


@pytest.mark.parametrize("code", SNIPPETS.values(), ids=SNIPPETS)
def test_snippet_is_valid_python(code):
    compile(code, "snippet", "exec")


@pytest.mark.parametrize("code", SNIPPETS.values(), ids=SNIPPETS)
def test_snippet_imports_exist(code):
    for node in ast.walk(ast.parse(code)):
        names = [alias.name for alias in getattr(node, "names", ()) if hasattr(alias, "asname")]
        if isinstance(node, ast.Import):
            for name in names:
                assert not is_installed(name) or import_module(name)
        elif isinstance(node, ast.ImportFrom) and node.module and is_installed(node.module):
            module = import_module(node.module)
            for name in names:
                assert hasattr(module, name) or find_spec(f"{node.module}.{name}"), name


def is_installed(module: str) -> bool:
    """Return whether the package is installed here, and not part of a project or an extra."""
    top = module.partition(".")[0]
    if module == "refresh_sessions.client" and not (find_spec("filelock") and find_spec("httpx")):
        return False
    # Their models can only be imported if they are in INSTALLED_APPS.
    return top not in {"knox", "rest_framework_simplejwt"} and find_spec(top) is not None


def test_typed_snippets_pass_strict_type_checks(tmp_path):
    pytest.importorskip("mypy")
    pytest.importorskip("mypy_drf_plugin")
    typed = {name: code for name, code in SNIPPETS.items() if is_typed(code)}
    typed["docstring_of_policy"] = documented_policy()
    assert {"session_lifetime", "access_token_claims", "verify"} <= set(
        re.findall(r"def (\w+)", "".join(typed.values()))
    )
    files = []
    for name, code in typed.items():
        files.append(tmp_path / f"snippet_{name}.py")
        files[-1].write_text(code, encoding="utf-8")
    checked = subprocess.run(  # noqa: S603  (our own command)
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", *map(str, files)],
        cwd=ROOT,
        # Warnings of the type checker itself are not errors of the project.
        env={name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"no issues found in {len(files)} source files" in checked.stdout

"""The Kotlin client as a process: compile it with its host, and start it.

REFRESH_SESSIONS_KOTLIN names a directory with the jars of kotlin-compiler-embeddable and its
dependencies, okhttp and okio (both -jvm) and org.json.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
CLIENT = CHECKOUT / "docs" / "clients" / "SessionClient.kt"
HOST = Path(__file__).with_name("Host.kt")
VARIABLE = "REFRESH_SESSIONS_KOTLIN"
COMPILER = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"
OPTIONS = ("-no-stdlib", "-no-reflect", "-Werror")


def left_out() -> str | None:
    """The reason why the Kotlin client cannot run, or None if it can."""
    if not os.environ.get(VARIABLE):
        return f"{VARIABLE} names no directory of jars (see tests/clients/phones/kotlin.py)"
    return None if shutil.which("java") else "java is not installed"


def libraries() -> list[Path]:
    """The jars that the client needs when it runs."""
    jars = sorted(Path(os.environ[VARIABLE]).glob("*.jar"))
    return [jar for jar in jars if re.match(r"okhttp|okio|kotlin-stdlib|.*\bjson", jar.name)]


def class_path(jars: Iterable[Path]) -> str:
    return os.pathsep.join(map(str, jars))


def compile_host(directory: Path) -> None:
    """Compile the client and its host into a directory; warnings are errors."""
    compiler = Path(os.environ[VARIABLE]).glob("*.jar")
    compiled = subprocess.run(  # noqa: S603  (our own command)
        [
            *("java", "-Xmx1g", "-cp", class_path(compiler), COMPILER, *OPTIONS),
            *("-cp", class_path(libraries()), "-d", str(directory), str(CLIENT), str(HOST)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr


def command(directory: Path) -> list[str]:
    """The command that starts the compiled host."""
    return [
        "java",
        "-Xmx256m",
        "-cp",
        class_path([directory, *libraries()]),
        "com.example.sessions.HostKt",
    ]

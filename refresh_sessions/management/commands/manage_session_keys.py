"""``manage.py manage_session_keys``: generate, list and rotate keys."""

from __future__ import annotations

import hashlib
import secrets
from argparse import ArgumentTypeError
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from refresh_sessions.conf import find_problems, get_settings
from refresh_sessions.management.files import create
from refresh_sessions.management.options import CheckedCommand, add_subcommand
from refresh_sessions.tokens.keys import Key, Purpose, get_keyring
from refresh_sessions.tokens.keys.errors import KeyConfigError
from refresh_sessions.tokens.keys.model import ALGORITHMS
from refresh_sessions.tokens.keys.new_keys import generate_key, parse_key

_SETTINGS: Final = {"KEYS": Purpose.ACCESS, "REFRESH_KEYS": Purpose.REFRESH}
_DEFAULTS: Final = {"KEYS": "ES256", "REFRESH_KEYS": "HS256"}
_SYMMETRIC: Final = tuple(name for name in ALGORITHMS if name.startswith("HS"))


class Command(CheckedCommand):
    """Writes key files and prints the entries for the settings; changes no setting itself."""

    help = "Manages the keys of KEYS and REFRESH_KEYS, and the secrets of INTROSPECTION_CLIENTS."

    # It must run while a key file is missing, to generate that key.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Define the sub-commands and their options."""
        subcommands = parser.add_subparsers(
            dest="subcommand",
            required=True,
            title="sub-commands",
            description="Each has its own --help.",
        )
        add = partial(add_subcommand, parser, subcommands)
        generate = add("generate", "Generate a key, and print its entry for the setting.")
        _add_key_options(generate, default="ES256, or HS256 for REFRESH_KEYS")
        generate.add_argument(
            "--file", type=Path, help="A new file for the key. Default: print the key."
        )
        add("list", "List the keys in force, with names, algorithms and sizes; no secrets.")
        rotate = add(
            "rotate", "Generate a successor of the signing key, and print the steps of the change."
        )
        _add_key_options(rotate, default="the algorithm of the signing key")
        rotate.add_argument("--file", type=Path, required=True, help="A new file for the key.")
        client = add("client", "Generate the secret of an introspection client.")
        client.add_argument(
            "--name", type=client_name, required=True, help="The name of the client."
        )

    def handle(self, *args: Any, subcommand: str, **options: Any) -> None:
        """Run the sub-command."""
        try:
            match subcommand:
                case "generate":
                    self._generate(options["algorithm"], options["file"], options["setting"])
                case "list":
                    self._list()
                case "rotate":
                    self._rotate(options["algorithm"], options["file"], options["setting"])
                case _:
                    self._create_client(options["name"])
        except KeyConfigError as error:
            raise CommandError(str(error)) from None

    def _generate(self, algorithm: str | None, file: Path | None, setting: str) -> None:
        algorithm = algorithm or _DEFAULTS[setting]
        text, key = _generate_key(algorithm, setting)
        if file is None:
            self.stdout.write(text)
            entry = f"{{'algorithm': '{algorithm}', 'env': 'NAME_OF_THE_VARIABLE'}}"
        else:
            _write(file, text)
            entry = _entry(algorithm, file)
        self.stdout.write(f"kid: {key.kid}")
        self.stdout.write(f"In {setting}: {entry}")

    def _list(self) -> None:
        for setting, purpose in _SETTINGS.items():
            keyring = get_keyring(purpose)
            self.stdout.write(f"{setting} ({purpose} tokens)")
            for key in keyring.verifying.values():
                self.stdout.write(f"  {_describe(key, signs=key is keyring.signing)}")

    def _rotate(self, algorithm: str | None, file: Path, setting: str) -> None:
        keyring = get_keyring(_SETTINGS[setting])
        algorithm = algorithm or keyring.signing.algorithm
        text, key = _generate_key(algorithm, setting)
        _write(file, text)
        settings = get_settings()
        lifetime = (
            settings.ACCESS_TOKEN_LIFETIME + settings.LEEWAY
            if setting == "KEYS"
            else settings.SESSION_LIFETIME
        )
        for line in _rotation_steps(
            setting, _entry(algorithm, file), keyring.signing, key, lifetime
        ):
            self.stdout.write(line)

    def _create_client(self, name: str) -> None:
        secret = secrets.token_urlsafe(32)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        self.stdout.write(f"The secret of the service, shown only now: {secret}")
        self.stdout.write(f"In INTROSPECTION_CLIENTS: '{name}': '{digest}'")


def _add_key_options(parser: CommandParser, *, default: str) -> None:
    parser.add_argument(
        "--setting",
        choices=_SETTINGS,
        default="KEYS",
        help="The setting of the key: KEYS for access tokens, REFRESH_KEYS for refresh tokens. "
        "Default: KEYS.",
    )
    parser.add_argument(
        "--algorithm", choices=ALGORITHMS, help=f"The algorithm of the key. Default: {default}."
    )


def _generate_key(algorithm: str, setting: str) -> tuple[str, Key]:
    if setting == "REFRESH_KEYS" and algorithm not in _SYMMETRIC:
        raise CommandError(f"Use one of {', '.join(_SYMMETRIC)} for keys of refresh tokens.")
    text = generate_key(algorithm)
    return text, parse_key(text, algorithm, _SETTINGS[setting])


def client_name(text: str) -> str:
    """Read the name of an introspection client.

    Raises:
        ArgumentTypeError: ``INTROSPECTION_CLIENTS`` refuses the name.

    """
    for problem in find_problems({"INTROSPECTION_CLIENTS": {text: "0" * 64}}):
        raise ArgumentTypeError(problem)
    return text


def _write(file: Path, text: str) -> None:
    with create(file) as opened:
        opened.write((text if text.endswith("\n") else f"{text}\n").encode("ascii"))


def _entry(algorithm: str, file: Path) -> str:
    return f"{{'algorithm': '{algorithm}', 'file': '{file.resolve()}'}}"


def _describe(key: Key, *, signs: bool) -> str:
    role = "signs and verifies" if signs else "verifies"
    return f"{key.kid}  {key.algorithm}  {key.bits} bits  {role}  from {key.origin}"


def _rotation_steps(
    setting: str, entry: str, old: Key, new: Key, lifetime: timedelta
) -> Iterable[str]:
    now = timezone.localtime().strftime("%Y-%m-%d %H:%M")
    yield f"Wrote a new key ({now}). kid: {new.kid}"
    yield "No setting has changed yet. Complete each step on all servers before the next step:"
    yield f"1. Add the key as the last entry of {setting}, so that all servers can verify with it:"
    yield f"       {entry}"
    if not getattr(get_settings(), setting):
        yield f"   {setting} is empty now, which means ['SECRET_KEY']: keep that entry as well."
    if not new.is_symmetric:
        yield "   Wait 10 minutes until services and caches have the new jwks.json."
    yield f"2. Make the key the first entry of {setting}. It signs from then on."
    yield f"3. Wait {lifetime}, or longer if your policy gives longer lifetimes. Then remove the"
    yield f"   old key {old.kid} ({old.origin})."

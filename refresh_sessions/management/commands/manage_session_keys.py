"""``manage.py manage_session_keys``: make keys, look at them, and change them for new ones."""

from __future__ import annotations

import hashlib
import secrets
from argparse import ArgumentTypeError
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from refresh_sessions.conf import find_problems, get_settings
from refresh_sessions.management.files import create
from refresh_sessions.management.options import CheckedCommand
from refresh_sessions.tokens.keys import Key, Purpose, get_keyring
from refresh_sessions.tokens.keys.errors import KeyConfigError
from refresh_sessions.tokens.keys.model import ALGORITHMS
from refresh_sessions.tokens.keys.new_keys import generate_key, parse_key

_SETTINGS: Final = {"KEYS": Purpose.ACCESS, "REFRESH_KEYS": Purpose.REFRESH}
_DEFAULTS: Final = {"KEYS": "ES256", "REFRESH_KEYS": "HS256"}
_SYMMETRIC: Final = tuple(name for name in ALGORITHMS if name.startswith("HS"))


class Command(CheckedCommand):
    """Changes no setting by itself: it writes key files, and says what to write where."""

    help = (
        "Makes keys for KEYS and REFRESH_KEYS, lists those in force without showing them, "
        "prepares their rotation, and makes secrets for INTROSPECTION_CLIENTS."
    )

    # It has to run where a key is missing: that is when one is made.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Define the options."""
        parser.add_argument(
            "action",
            # Optional to the parser alone: a required one cannot be given by keyword.
            nargs="?",
            choices=["generate", "list", "rotate", "client"],
            help="generate: make a key, and the entry to paste. list: show the keys in force, "
            "names and sizes only. rotate: write a successor of the signing key, and say what to "
            "change when. client: make the secret of an introspection client.",
        )
        parser.add_argument(
            "--algorithm",
            choices=ALGORITHMS,
            help="Of the new key. Default: ES256, or HS256 for REFRESH_KEYS; to rotate, as the "
            "old one.",
        )
        parser.add_argument(
            "--file", type=Path, help="Where to write the new key; without, it is printed."
        )
        parser.add_argument("--setting", choices=_SETTINGS, default="KEYS", help="Default: KEYS.")
        parser.add_argument("--name", type=client_name, help="Of the introspection client.")

    def usage_problem(self, options: Mapping[str, Any]) -> str | None:
        """One of the things to do has to be named."""
        return None if options["action"] else "the following arguments are required: action"

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what is asked."""
        setting, algorithm, file = options["setting"], options["algorithm"], options["file"]
        try:
            match options["action"]:
                case "generate":
                    self._generate(algorithm or _DEFAULTS[setting], file, setting)
                case "list":
                    self._list()
                case "rotate":
                    self._rotate(algorithm, file, setting)
                case _:
                    self._make_client(options["name"])
        except KeyConfigError as fault:
            raise CommandError(str(fault)) from None

    def _generate(self, algorithm: str, file: Path | None, setting: str) -> None:
        text, key = self._make(algorithm, setting)
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
                self.stdout.write(f"  {_described(key, signs=key is keyring.signing)}")

    def _rotate(self, algorithm: str | None, file: Path | None, setting: str) -> None:
        if file is None:
            raise CommandError("Name a file for the new key: --file /path/to/new.pem")
        keyring = get_keyring(_SETTINGS[setting])
        algorithm = algorithm or keyring.signing.algorithm
        text, key = self._make(algorithm, setting)
        _write(file, text)
        settings = get_settings()
        lifetime = (
            settings.ACCESS_TOKEN_LIFETIME + settings.LEEWAY
            if setting == "KEYS"
            else settings.SESSION_LIFETIME
        )
        for line in _plan(setting, _entry(algorithm, file), keyring.signing, key, lifetime):
            self.stdout.write(line)

    def _make_client(self, name: str | None) -> None:
        if name is None:
            raise CommandError("Name the client: --name billing")
        secret = secrets.token_urlsafe(32)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        self.stdout.write(f"The secret, for the service and shown only now: {secret}")
        self.stdout.write(f"In INTROSPECTION_CLIENTS: '{name}': '{digest}'")

    def _make(self, algorithm: str, setting: str) -> tuple[str, Key]:
        if setting == "REFRESH_KEYS" and algorithm not in _SYMMETRIC:
            raise CommandError(f"Keys of refresh tokens are for {', '.join(_SYMMETRIC)}.")
        text = generate_key(algorithm)
        return text, parse_key(text, algorithm, _SETTINGS[setting])


def client_name(text: str) -> str:
    """Read a client's name from the command line.

    Raises:
        ArgumentTypeError: the setting would not take it.

    """
    for problem in find_problems({"INTROSPECTION_CLIENTS": {text: "0" * 64}}):
        raise ArgumentTypeError(problem)
    return text


def _write(file: Path, text: str) -> None:
    with create(file) as opened:
        opened.write((text if text.endswith("\n") else f"{text}\n").encode("ascii"))


def _entry(algorithm: str, file: Path) -> str:
    return f"{{'algorithm': '{algorithm}', 'file': '{file.resolve()}'}}"


def _described(key: Key, *, signs: bool) -> str:
    role = "signs and verifies" if signs else "verifies"
    return f"{key.kid}  {key.algorithm}  {key.bits} bits  {role}  from {key.origin}"


def _plan(setting: str, entry: str, old: Key, new: Key, lifetime: Any) -> Iterable[str]:
    now = timezone.localtime().strftime("%Y-%m-%d %H:%M")
    yield f"A new key was written ({now}). kid: {new.kid}"
    yield "Nothing has changed yet. Now, each step on every server before the next begins:"
    yield f"1. Add it as the last of {setting}, so that everybody can verify with it:"
    yield f"       {entry}"
    if not getattr(get_settings(), setting):
        yield f"   {setting} is empty now, which stands for ['SECRET_KEY']: keep that entry too."
    if not new.is_symmetric:
        yield "   Wait 10 minutes, in which services and caches on the way get the new jwks.json."
    yield f"2. Make it the first of {setting}. It signs from then on."
    yield f"3. Wait {lifetime}, longer where your policy gives longer lifetimes; then remove the"
    yield f"   old key {old.kid} ({old.origin})."

"""What the pages name is there: settings, codes, tables, commands, checks, and each other."""

import ast
import re
from configparser import ConfigParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.conf import global_settings
from django.core.management import get_commands, load_command_class
from django.db import connection
from django.db.utils import ConnectionRouter
from django.urls import get_resolver

from refresh_sessions import checks, companion_cookie, events, exceptions, sessions, signals
from refresh_sessions.admin.pagination import BOUND
from refresh_sessions.conf import RENAMABLE_FIELDS, Settings, get_settings
from refresh_sessions.database import RETRY_ATTEMPTS
from refresh_sessions.events.export import COLUMNS, READ_SIZE
from refresh_sessions.exceptions import ExpiryReason, RefreshSessionsError
from refresh_sessions.models import (
    DeviceSession,
    EventKind,
    RevokedReason,
    SessionEvent,
    TokenFamily,
)
from refresh_sessions.policies import SessionPolicy
from refresh_sessions.rest_framework.exceptions import TokenFamilyOverCookie
from refresh_sessions.rotation import MAX_RECOVERIES_IN_A_ROW, FamilyState
from refresh_sessions.sessions.prune import RETENTION

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ROTATION = (ROOT / "docs" / "rotation.md").read_text(encoding="utf-8")
AUDIT = (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")
CHECKS = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
CLIENT = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
CLIENT_MODULE = ROOT / "refresh_sessions" / "static" / "refresh_sessions" / "client.js"
PICTURE = ROOT / "docs" / "images" / "rotation.svg"


def prose(page: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL)


def links(text: str) -> list[str]:
    """Everything that a page refers to within the project, by Markdown or by HTML."""
    markdown = re.findall(r"\]\((?!https?:)([^)]+)\)", text)
    return markdown + re.findall(r'\b(?:href|src|srcset)="(?!https?:)([^"]+)"', text)


def quoted(pattern: str) -> set[str]:
    """Everything of this form that docs/rotation.md has in backticks, alone or beside more."""
    spans = " ".join(re.findall(r"`([^`]+)`", prose(ROTATION)))
    return set(re.findall(rf"(?<![\w.(/]){pattern}(?![\w.(/])", spans))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
class TestLinks:
    def test_lead_somewhere(self, page):
        for target in links(prose(page.read_text("utf-8"))):
            name, _, anchor = target.partition("#")
            file = page.parent / name if name else page
            assert file.exists(), target
            assert not anchor or anchor in anchors(file), target

    def test_stay_inside(self, page):
        for target in links(page.read_text("utf-8")):
            assert (page.parent / target.partition("#")[0]).resolve().is_relative_to(ROOT), target


def codes() -> set[str]:
    """Codes of answers, and what stands beside them as ``reason``."""
    found: set[str] = set(ExpiryReason)
    for error in vars(exceptions).values():
        if isinstance(error, type) and issubclass(error, RefreshSessionsError):
            found |= {error.code, str(getattr(error, "reason", ""))}
    return found


def columns() -> set[str]:
    models = (DeviceSession, TokenFamily, SessionEvent)
    return {field.name for model in models for field in model._meta.get_fields()}


class TestRotationPage:
    def test_settings(self):
        names = quoted("[A-Z]+(?:_[A-Z]+)+")
        ours = names & set(Settings.__dataclass_fields__)
        assert {"ROTATION_OVERLAP", "CONFIRM_DELIVERY_AFTER", "LOST_RESPONSE_RECOVERY"} <= ours
        others = vars(global_settings).keys() | connection.settings_dict.keys()
        assert names - ours <= others

    def test_words_of_the_code(self):
        known = {
            *codes(),
            *columns(),
            *RENAMABLE_FIELDS,
            *RevokedReason.values,
            *EventKind.values,
            *sessions.__all__,
            *vars(signals),
            *vars(SessionPolicy),
            *FamilyState.__dataclass_fields__,
            *connection.introspection.django_table_names(),
            *get_commands(),
            *dir(ConnectionRouter()),
            # A key of SQLite's OPTIONS.
            "transaction_mode",
            # A cookie, and a detail of an event.
            companion_cookie.NAME,
            TokenFamilyOverCookie.default_code,
            "after_end",
        }
        assert quoted("[a-z]+(?:_[a-z]+)+") - known == set()

    def test_classes(self):
        source = "".join(path.read_text("utf-8") for path in (ROOT / "tests/model").glob("*.py"))
        for name in quoted("[A-Z][a-z]+[A-Z][A-Za-z]+"):
            assert hasattr(exceptions, name) or f"class {name}" in source, name

    def test_every_way_to_end(self):
        for word in (*RevokedReason.values, *ExpiryReason):
            assert f"`{word}`" in ROTATION, word

    def test_endpoints(self):
        urls = {str(url.pattern) for url in get_resolver("refresh_sessions.urls").url_patterns}
        named = re.findall(r"`(?:GET|POST|PATCH|DELETE) ([^`]+)`", ROTATION)
        assert named
        assert set(named) <= urls

    def test_checks(self):
        named = quoted(r"[EW]\d{3}")
        assert named
        assert all(f"| `{checks.TAG}.{name}` |" in CHECKS for name in named)

    def test_commands(self):
        tox = ConfigParser(interpolation=None)
        tox.read(ROOT / "tox.ini")
        environments = {name.removeprefix("testenv:") for name in tox.sections()}
        named = set(re.findall(r"`tox -e ([\w-]+)", ROTATION))
        assert named
        assert named <= environments
        labels = set(re.findall(r"`tox -m ([\w-]+)", ROTATION))
        assert labels <= set(re.findall(r"^([\w-]+) =", tox["tox"]["labels"], re.MULTILINE))
        for module in re.findall(r"`python -m ([\w.]+)", ROTATION):
            path = ROOT / module.replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module
        for path in re.findall(r"-- ([\w/]+)`", ROTATION):
            assert (ROOT / path).exists(), path

    def test_numbers(self):
        assert (MAX_RECOVERIES_IN_A_ROW, RETRY_ATTEMPTS) == (8, 8)
        assert "eight may follow each other" in flat(ROTATION)
        assert "at most eight times" in flat(ROTATION)
        assert f"{RETENTION.days} days longer" in flat(ROTATION)
        overlap = int(Settings().ROTATION_OVERLAP.total_seconds())
        assert f"(`ROTATION_OVERLAP`, {overlap} seconds)" in flat(ROTATION)
        (time_out,) = re.findall(r"Set the time-out of refreshes to (\d+) seconds", ROTATION)
        assert int(time_out) < overlap / 3
        assert f"const TIMEOUT = {time_out}000;" in CLIENT_MODULE.read_text("utf-8")

    def test_settings_in_the_text_are_accepted(self, settings):
        written = re.search(r"`(\{\"ROTATION_OVERLAP\".*?\})`", ROTATION)
        assert written
        literal = written.group(1).replace("timedelta(0)", "0")
        options = ast.literal_eval(literal)
        zero = Settings().ROTATION_OVERLAP * options["ROTATION_OVERLAP"]
        settings.REFRESH_SESSIONS = {**options, "ROTATION_OVERLAP": zero}
        assert not get_settings().LOST_RESPONSE_RECOVERY


def flat(text: str) -> str:
    """Without line breaks, which move whenever a word is changed."""
    return " ".join(text.split())


class TestPicture:
    def test_names_codes_that_exist(self):
        texts = "".join(ET.parse(PICTURE).getroot().itertext())  # noqa: S314  (our own file)
        named = set(re.findall(r"\b[a-z]+_[a-z]+\b", texts))
        assert named
        assert named <= codes()

    def test_brings_its_own_background(self):
        """A page may be dark: transparent pictures with dark text vanish there."""
        root = ET.parse(PICTURE).getroot()  # noqa: S314
        first = next(element for element in root if element.tag.endswith("rect"))
        assert first.get("fill") == "#ffffff"


class TestClientPage:
    def test_codes_of_errors(self):
        source = CLIENT_MODULE.read_text("utf-8")
        own = set(re.findall(r'SessionError\("\w+", "(\w+)"', source)) - codes()
        row = next(line for line in CLIENT.splitlines() if line.startswith("| `code` |"))
        assert own
        assert own <= set(re.findall(r"`(\w+)`", row))

    def test_options_and_calls(self):
        types = (ROOT / "clients" / "js" / "types.d.ts").read_text("utf-8")
        options = types[types.index("interface Options") : types.index("interface Client")]
        named = re.findall(r"^  (\w+)\??[:(]", options, re.MULTILINE)
        assert len(named) > 8
        table = CLIENT[CLIENT.index("## Options") : CLIENT.index("## Which answer")]
        assert [name for name in named if f"`{name}" not in table] == []
        calls = types[types.index("interface Client") : types.index("interface ErrorDetails")]
        named = re.findall(r"^ {2,4}(\w+)\(", calls, re.MULTILINE)
        assert len(named) > 15
        assert [name for name in named if f"{name}(" not in CLIENT] == []

    def test_adapters(self):
        folder = ROOT / "clients" / "js" / "adapters"
        for adapter in folder.glob("*.js"):
            assert f"adapters/{adapter.stem}" in CLIENT
            exported = re.findall(
                r"^export (?:const|function) (\w+)", adapter.read_text("utf-8"), re.M
            )
            assert exported
            assert [name for name in exported if name not in CLIENT] == []

    def test_pauses(self):
        source = CLIENT_MODULE.read_text("utf-8")
        (patience,) = re.findall(r"^const PATIENCE = (\d+)000;", source, re.MULTILINE)
        assert f"after {patience} seconds" in CLIENT


class TestAuditPage:
    def test_names_every_column_of_the_download(self):
        table = AUDIT[AUDIT.index("| column |") : AUDIT.index("- **Encoding.**")]
        named = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row[:60])]
        assert [name for name in named if name not in EventKind.values] == list(COLUMNS)

    def test_options_and_verbs(self):
        known = set()
        for name in ("prune_refresh_sessions", "export_session_events"):
            command = load_command_class("refresh_sessions", name)
            known |= set(command.create_parser("manage.py", name)._option_string_actions)
        named = set(re.findall(r"--[a-z][a-z-]+", AUDIT)) - {"--timeout"}
        assert {"--events-older-than", "--since", "--until", "--kind", "--output"} <= named
        assert named <= known
        verbs = set(re.findall(r"`((?:count_)?pru\w+)\(", AUDIT))
        assert verbs == {"prune_events", "count_prunable_events"}
        assert verbs <= set(events.__all__)

    def test_numbers(self):
        assert f"{BOUND:,} rows at most" in flat(AUDIT)
        assert f"both {RETENTION.days} days after" in flat(AUDIT)
        assert "a thousand rows at a time" in flat(AUDIT)
        assert READ_SIZE == 1000

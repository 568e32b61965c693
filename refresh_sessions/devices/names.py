"""Names of devices, by the browser and model in the user agent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final
from urllib.parse import unquote

from django.utils.translation import gettext as _

from refresh_sessions.devices.client_hints import ClientHints
from refresh_sessions.devices.systems import ANDROID, find_system
from refresh_sessions.devices.texts import shorten, strip_control_chars, truncate_user_agent

# Endings that say of a browser only where it runs, which we say ourselves.
_VARIANTS: Final = (" Mobile iOS", " Mobile", " iOS")

_NAMES: Final = {
    "Amazon Silk": "Silk",
    "HeadlessChrome": "Headless Chrome",
    "IE": "Internet Explorer",
    "Mobile Safari": "Safari",
}

_NO_BROWSERS: Final = frozenset(
    {"Android", "Chrome Mobile WebView", "Mobile Safari UI/WKWebView", "Other"}
)


@cache
def can_parse() -> bool:
    """Whether ua-parser is installed: ``pip install django-refresh-sessions[ua]``."""
    return find_spec("ua_parser") is not None


def find_browser(user_agent: str) -> str:
    """The browser by the name that people know; empty where it is none."""
    found = _parser().parse_user_agent(truncate_user_agent(user_agent))
    if found is None or found.family in _NO_BROWSERS:
        return ""
    name = str(found.family)
    if name in _NAMES:
        return _NAMES[name]
    for variant in _VARIANTS:
        name = name.removesuffix(variant)
    return name


def format_model(code: str) -> str:
    """A model of Android's with its maker ("Samsung SM-S918B"), or as it is ("Pixel 7")."""
    found = _parser().parse_device(
        f"Mozilla/5.0 (Linux; Android 10; {code} Build/1) AppleWebKit/537.36 Mobile Safari/537.36"
    )
    # Where no rule fits, ua-parser calls the maker "Generic_Android".
    if found is None or not found.brand or found.brand.startswith("Generic"):
        return code
    return str(found.family)


def _parser() -> Any:
    # Its rules are megabytes: nobody pays for them before a device is named.
    return import_module("ua_parser")


_CACHED: Final = 1024

_MODEL_LENGTH: Final = 48

# A name and its version, such as "Shop/3.1"; names of apps may have blanks.
_FIRST: Final = re.compile(r"([^/();]{1,64})/")

_PRODUCT: Final = re.compile(r"(?<![^ ])([^ /();\[\]]{1,64})/")

_COMMENT: Final = re.compile(r"\(([^()]*)\)?")

_MODELS: Final = frozenset({"iPad", "iPhone", "iPod"})

_NO_MODEL: Final = re.compile(
    r"K|U|wv|Linux|Mobile|Tablet|[\d.]+|[a-z][a-z](?:[-_][A-Za-z]{2})?|.*[:=].*|\w+\.[\w.]+"
)

# What stands in the user agent of a browser beside the app whose window it is.
_ENGINES: Final = frozenset(
    {"AppleWebKit", "Chrome", "Electron", "Mobile", "Mozilla", "Safari", "Version"}
)

# What stands first in the user agent of an app that does not say its own name, or of a tool.
_PROGRAMS: Final = frozenset(
    {
        *("afnetworking", "aiohttp", "alamofire", "apache-httpclient", "axios", "cfnetwork"),
        *("curl", "dalvik", "darwin", "dart", "go-http-client", "guzzlehttp", "httpie"),
        *("insomnia", "java", "java-http-client", "ktor-client", "node", "node-fetch"),
        *("okhttp", "postmanruntime", "python", "python-httpx", "python-requests"),
        *("python-urllib", "reactnative", "ruby", "undici", "wget"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Client:
    """What is known of a device, in no language yet."""

    app: str = ""
    browser: str = ""
    system: str = ""
    model: str = ""


def name_device(user_agent: str, hints: ClientHints) -> str:
    """A short name for a device, such as "Chrome on macOS"; empty where nothing is known.

    In the language that is active, so call it where the name is shown. Without ua-parser it is
    what the device says of itself, cut to one short line.
    """
    user_agent = strip_control_chars(user_agent)
    reading = _read(user_agent, hints) if can_parse() else _Client()
    return shorten(_compose(reading) or user_agent or hints.model or hints.platform)


def _compose(reading: _Client) -> str:
    parts = {"app": reading.app, "browser": reading.browser, "system": reading.system}
    where = reading.model or reading.system
    if reading.app and reading.model:
        return _("%(device)s, the %(app)s app") % {"device": reading.model, **parts}
    if reading.app and reading.system:
        return _("The %(app)s app on %(system)s") % parts
    if reading.browser and where:
        return _("%(browser)s on %(system)s") % {**parts, "system": where}
    return reading.app or reading.browser or where


@lru_cache(maxsize=_CACHED)
def _read(user_agent: str, hints: ClientHints) -> _Client:
    text = truncate_user_agent(user_agent)
    system = find_system(text, hints).name
    model = _find_model(text, hints, system)
    if text.startswith("Mozilla/"):
        app, browser = _read_browser(text, hints, system)
    else:
        app, browser = _read_program(text, system)
    return _Client(app=app, browser=browser, system=system, model=model)


def _find_model(text: str, hints: ClientHints, system: str) -> str:
    """What people call their phone; a computer has no name of the kind."""
    if system in _MODELS:
        return system
    if hints.model:
        return format_model(hints.model)
    if system != ANDROID:
        return ""
    return next((format_model(code) for code in _find_codes(text)), "")


def _find_codes(text: str) -> list[str]:
    comment = _COMMENT.search(text)
    parts = [part.strip() for part in comment[1].split(";")] if comment else []
    parts = [part.partition(" Build/")[0].removeprefix("SAMSUNG ") for part in parts]
    parts = [part for part in parts if len(part) <= _MODEL_LENGTH]
    for number, part in enumerate(parts):
        if part.startswith(ANDROID):
            # The model follows the version; some apps write it before.
            parts = [*parts[number + 1 :], *reversed(parts[:number])]
            break
    return [part for part in parts if part and not _NO_MODEL.fullmatch(part)]


def _read_browser(text: str, hints: ClientHints, system: str) -> tuple[str, str]:
    """The app whose window it is, or else the browser."""
    if "Electron/" in text:
        return _find_app(text), "Electron"
    browser = hints.brand or find_browser(text)
    if "; wv)" in text or (system in _MODELS and "Safari/" not in text):
        # A window within an app.
        return browser or _find_app(text), ""
    return "", browser


def _find_app(text: str) -> str:
    products = _PRODUCT.findall(_COMMENT.sub(" ", text))
    return next((name for name in products if name not in _ENGINES), "")


def _read_program(text: str, system: str) -> tuple[str, str]:
    """An app by its own name, or else the library or tool that sent the request."""
    first = _FIRST.match(text)
    name = shorten(unquote(first[1])) if first else ""
    if name == "Dalvik" or (system and name.startswith(system.replace(" ", ""))):
        # Only the system itself.
        return "", ""
    if system and name and name.lower() not in _PROGRAMS:
        return name, ""
    return "", name

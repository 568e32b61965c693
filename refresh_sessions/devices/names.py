"""Names of devices, from the browser and the model in the user agent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from django.utils.translation import gettext as _

from refresh_sessions.devices.browsers import find_browser, format_model
from refresh_sessions.devices.client_hints import ClientHints
from refresh_sessions.devices.systems import ANDROID, find_system
from refresh_sessions.devices.texts import shorten, strip_control_chars, truncate_user_agent

_CACHED: Final = 1024

_MODEL_LENGTH: Final = 48

# A name before its version, such as "Shop/3.1"; names of apps can contain spaces.
_FIRST: Final = re.compile(r"([^/();]{1,64})/")

_PRODUCT: Final = re.compile(r"(?<![^ ])([^ /();\[\]]{1,64})/")

_COMMENT: Final = re.compile(r"\(([^()]*)\)?")

_MODELS: Final = frozenset({"iPad", "iPhone", "iPod"})

_NO_MODEL: Final = re.compile(
    r"K|U|wv|Linux|Mobile|Tablet|[\d.]+|[a-z][a-z](?:[-_][A-Za-z]{2})?|.*[:=].*|\w+\.[\w.]+"
)

# Products in the user agent of an app's web view besides the app itself.
_ENGINES: Final = frozenset(
    {"AppleWebKit", "Chrome", "Electron", "Mobile", "Mozilla", "Safari", "Version"}
)

# First products in user agents of HTTP libraries and tools.
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
    """The parts of a device name, before translation."""

    app: str = ""
    browser: str = ""
    system: str = ""
    model: str = ""


def name_device(user_agent: str, hints: ClientHints) -> str:
    """A short name of a device, such as "Chrome on macOS"; empty for an unknown device.

    In the active language, so call it where the name is shown. Without ua-parser only the most
    common browsers are named, and Android models have no brand.
    """
    user_agent = strip_control_chars(user_agent)
    name = _format_name(_read_client(user_agent, hints))
    return shorten(name or user_agent or hints.model or hints.platform)


def _format_name(client: _Client) -> str:
    parts = {"app": client.app, "browser": client.browser, "system": client.system}
    model_or_system = client.model or client.system
    if client.app and client.model:
        return _("%(device)s, the %(app)s app") % {"device": client.model, **parts}
    if client.app and client.system:
        return _("The %(app)s app on %(system)s") % parts
    if client.browser and model_or_system:
        return _("%(browser)s on %(system)s") % {**parts, "system": model_or_system}
    return client.app or client.browser or model_or_system


@lru_cache(maxsize=_CACHED)
def _read_client(user_agent: str, hints: ClientHints) -> _Client:
    text = truncate_user_agent(user_agent)
    system = find_system(text, hints).name
    model = _find_model(text, hints, system)
    if text.startswith("Mozilla/"):
        app, browser = _read_browser(text, hints, system)
    else:
        app, browser = _read_program(text, system)
    return _Client(app=app, browser=browser, system=system, model=model)


def _find_model(text: str, hints: ClientHints, system: str) -> str:
    """The model of a phone or tablet; empty for a computer."""
    if system in _MODELS:
        return system
    if hints.model:
        return format_model(hints.model)
    if system != ANDROID:
        return ""
    return next((format_model(code) for code in _find_model_codes(text)), "")


def _find_model_codes(text: str) -> list[str]:
    comment = _COMMENT.search(text)
    parts = [part.strip() for part in comment[1].split(";")] if comment else []
    parts = [part.partition(" Build/")[0].removeprefix("SAMSUNG ") for part in parts]
    parts = [part for part in parts if len(part) <= _MODEL_LENGTH]
    for number, part in enumerate(parts):
        if part.startswith(ANDROID):
            # The model follows the Android version; in some apps it precedes the version.
            parts = [*parts[number + 1 :], *reversed(parts[:number])]
            break
    return [part for part in parts if part and not _NO_MODEL.fullmatch(part)]


def _read_browser(text: str, hints: ClientHints, system: str) -> tuple[str, str]:
    """The app of a web view and an empty browser, or an empty app and the browser."""
    if "Electron/" in text:
        return _find_app(text), "Electron"
    browser = hints.brand or find_browser(text)
    if "; wv)" in text or (system in _MODELS and "Safari/" not in text):
        # A web view in an app.
        return browser or _find_app(text), ""
    return "", browser


def _find_app(text: str) -> str:
    products = _PRODUCT.findall(_COMMENT.sub(" ", text))
    return next((name for name in products if name not in _ENGINES), "")


def _read_program(text: str, system: str) -> tuple[str, str]:
    """The app, or else the library or tool, of a user agent that is not a browser's."""
    first = _FIRST.match(text)
    name = shorten(unquote(first[1])) if first else ""
    if name == "Dalvik" or (system and name.startswith(system.replace(" ", ""))):
        # The first product is only the system.
        return "", ""
    if system and name and name.lower() not in _PROGRAMS:
        return name, ""
    return "", name

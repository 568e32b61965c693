"""The only door to ua-parser, an optional extra: which browser, and who makes a model."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from refresh_sessions.devices.texts import tame

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


def browser_of(user_agent: str) -> str:
    """The browser by the name that people know; empty where it is none."""
    found = _parser().parse_user_agent(tame(user_agent))
    if found is None or found.family in _NO_BROWSERS:
        return ""
    name = str(found.family)
    if name in _NAMES:
        return _NAMES[name]
    for variant in _VARIANTS:
        name = name.removesuffix(variant)
    return name


def model_of(code: str) -> str:
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

"""Names of browsers: from ua-parser, or the most common ones without it."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from refresh_sessions.devices.texts import truncate_user_agent

# Suffixes of ua-parser for the system of a browser, which the name of a device contains already.
_VARIANTS: Final = (" Mobile iOS", " Mobile", " iOS")

_NAMES: Final = {
    "Amazon Silk": "Silk",
    "HeadlessChrome": "Headless Chrome",
    "IE": "Internet Explorer",
    "Mobile Safari": "Safari",
}

_NOT_BROWSERS: Final = frozenset(
    {"Android", "Chrome Mobile WebView", "Mobile Safari UI/WKWebView", "Other"}
)

# The first product found decides. A browser names those that it descends from as well.
_COMMON: Final = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        # Bots, web views of apps, and apps that show pages.
        ("", r"https?://|; wv\)|\b(?:FBAN|FBAV|Instagram|Line|GSA)\b"),
        ("Edge", r"\bEdg(?:e|A|iOS)?/"),
        ("Opera", r"\b(?:OPR|OPiOS|OPT|Opera)/"),
        ("Samsung Internet", r"\bSamsungBrowser/"),
        ("Vivaldi", r"\bVivaldi/"),
        ("Yandex Browser", r"\bYaBrowser/"),
        ("UC Browser", r"\bUCBrowser/"),
        ("DuckDuckGo", r"\b(?:DuckDuckGo|Ddg)/"),
        ("Silk", r"\bSilk/"),
        ("Firefox", r"\b(?:Firefox|FxiOS)/"),
        ("Headless Chrome", r"\bHeadlessChrome/"),
        ("Chrome", r"\b(?:Chrome|CriOS)/"),
        ("Safari", r"\bVersion/[\d.]+ (?:Mobile/\w+ )?Safari/"),
        ("Internet Explorer", r"\bMSIE \d|\bTrident/"),
    )
)


@cache
def can_parse() -> bool:
    """Whether ua-parser is installed: ``pip install django-refresh-sessions[ua]``."""
    return find_spec("ua_parser") is not None


def find_browser(user_agent: str) -> str:
    """The common name of the browser; empty for a client that is not a browser."""
    text = truncate_user_agent(user_agent)
    if not can_parse():
        return next((name for name, pattern in _COMMON if pattern.search(text)), "")
    found = _parser().parse_user_agent(text)
    if found is None or found.family in _NOT_BROWSERS:
        return ""
    name = str(found.family)
    if name in _NAMES:
        return _NAMES[name]
    for variant in _VARIANTS:
        name = name.removesuffix(variant)
    return name


def format_model(code: str) -> str:
    """An Android model with its brand ("Samsung SM-S918B"), or unchanged ("Pixel 7").

    Always unchanged without ua-parser.
    """
    if not can_parse():
        return code
    found = _parser().parse_device(
        f"Mozilla/5.0 (Linux; Android 10; {code} Build/1) AppleWebKit/537.36 Mobile Safari/537.36"
    )
    # Without a matching rule the brand of ua-parser is "Generic_Android".
    if found is None or not found.brand or found.brand.startswith("Generic"):
        return code
    return str(found.family)


def _parser() -> Any:
    # Imported late: its rules take megabytes of memory.
    return import_module("ua_parser")

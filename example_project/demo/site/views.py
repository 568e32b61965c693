"""The pages of all modes. They import neither this package nor simplejwt."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from example_project.demo import lifetimes, modes
from example_project.demo.accounts import PASSWORD, STAFF, USERNAME

_CODE: Final = "demo/tab.js"

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)

_View = Callable[[HttpRequest], HttpResponse]


def _with_policy(view: _View) -> _View:
    """Add a strict Content-Security-Policy to the answer."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = view(request)
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    return answer


@require_safe
@ensure_csrf_cookie
@_with_policy
def page(request: HttpRequest) -> HttpResponse:
    """``/``: Ada's browser with three tabs, the attacker, the buttons and the timeline."""
    context = {
        "mode": _this_mode(),
        "modes": _switch(),
        "tabs": (1, 2, 3),
        "username": USERNAME,
        "password": PASSWORD,
        "staff": STAFF,
        "can_tie": _this_mode().name != "simplejwt" and find_spec("cryptography") is not None,
        "seconds": lifetimes.PAGE_ACCESS_TOKEN.seconds,
    }
    return render(request, "demo/page.html", context)


@require_safe
@xframe_options_sameorigin
@_with_policy
def tab(request: HttpRequest) -> HttpResponse:
    """``/tab/``: one tab of Ada's browser, in a frame of the page."""
    return render(request, "demo/tab.html")


@require_safe
@_with_policy
def code(request: HttpRequest) -> HttpResponse:
    """``/code/``: the script of a tab, which is the whole use of the client."""
    path = finders.find(_CODE)
    if not isinstance(path, str):
        raise FileNotFoundError(_CODE)
    source = Path(path).read_text(encoding="utf-8")
    return render(request, "demo/code.html", {"code": source})


def _this_mode() -> modes.Mode:
    name = getattr(settings, "DEMO_MODE", modes.DEFAULT)
    return next(mode for mode in modes.MODES if mode.name == name)


def _switch() -> list[dict[str, Any]]:
    running = modes.addresses()
    return [
        {"mode": mode, "address": running.get(mode.name), "is_this": mode is _this_mode()}
        for mode in modes.MODES
    ]

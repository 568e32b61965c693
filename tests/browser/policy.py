"""The strictest Content-Security-Policy under which Django's own admin works."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings

_STRICT = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    # Some pictures of Django's style sheets are data: URLs.
    "img-src": ["'self'", "data:"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}


class PolicyMiddleware:
    """What Django 6.0 and later bring along, for those before."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = "; ".join(
            " ".join([directive, *sources]) for directive, sources in _STRICT.items()
        )
        return response


def settings_in_force() -> dict[str, Any]:
    """Settings that put the policy in force.

    Since Django 6.1 the admin's own templates carry a nonce: there, what has none is refused even
    if it comes from the site itself.
    """
    if django.VERSION < (6, 1):
        return {"MIDDLEWARE": [f"{__name__}.PolicyMiddleware", *settings.MIDDLEWARE]}
    from django.utils.csp import CSP  # noqa: PLC0415 - Django 5.2 has none

    engine: dict[str, Any] = settings.TEMPLATES[0]
    processors = [
        *engine["OPTIONS"]["context_processors"],
        "django.template.context_processors.csp",
    ]
    return {
        "MIDDLEWARE": [
            "django.middleware.csp.ContentSecurityPolicyMiddleware",
            *settings.MIDDLEWARE,
        ],
        "SECURE_CSP": {**_STRICT, "script-src": [CSP.NONCE], "style-src": [CSP.NONCE]},
        "TEMPLATES": [{**engine, "OPTIONS": {"context_processors": processors}}],
    }

"""The strictest Content-Security-Policy with which Django's admin works."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings

_STRICT = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    # Some images of Django's style sheets are data: URLs.
    "img-src": ["'self'", "data:"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}


class PolicyMiddleware:
    """The middleware of Django 6.0 and later, for older versions."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers["Content-Security-Policy"] = "; ".join(
            " ".join([directive, *sources]) for directive, sources in _STRICT.items()
        )
        return response


def policy_settings() -> dict[str, Any]:
    """Return settings that enable the policy.

    Since Django 6.1 the admin's templates have a nonce: there, everything without a nonce is
    refused, even from the same site.
    """
    if django.VERSION < (6, 1):
        return {"MIDDLEWARE": [f"{__name__}.PolicyMiddleware", *settings.MIDDLEWARE]}
    from django.utils.csp import CSP  # noqa: PLC0415 - missing in Django 5.2

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

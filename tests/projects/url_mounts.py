"""Places at which a project may mount the endpoints and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path, re_path

API: Final = "refresh_sessions.urls"
PAGES: Final = "refresh_sessions.urls_pages"

_LOGIN: Final = path("accounts/", include("django.contrib.auth.urls"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """The URL patterns of a project, and the prefix at which both parts are mounted."""

    patterns: tuple[Any, ...]
    prefix: str

    def api(self, rest: str = "") -> str:
        return f"{self.prefix}auth/{rest}"

    def pages(self, rest: str = "") -> str:
        return f"{self.prefix}devices/{rest}"


def _both(instance: str | None = None) -> list[Any]:
    """Return endpoints and pages, under their own namespaces or another instance name."""
    api, pages = (f"{instance}-api", f"{instance}-pages") if instance else (None, None)
    return [
        path("auth/", include(API, namespace=api)),
        path("devices/", include(PAGES, namespace=pages)),
    ]


def _mount(prefix: str, *patterns: Any) -> Mount:
    return Mount(prefix=prefix, patterns=(_LOGIN, *patterns))


_TWO_TENANTS: Final = (
    path("<slug:tenant>/", include(_both("tenant"))),
    path("<slug:tenant>/team/<int:team>/", include(_both("team"))),
)
_NESTED: Final = (
    path("<str:version>/eu/", include((_both(), "shop"), namespace="shop-eu")),
    path("<str:version>/us/", include((_both(), "shop"), namespace="shop-us")),
)

MOUNTS: Final = {
    "no variable": _mount("/", *_both()),
    "version": _mount("/v2/", path("<str:version>/", include(_both()))),
    "two variables": _mount("/acme/7/", path("<slug:tenant>/<int:team>/", include(_both()))),
    "group of a regular expression": _mount(
        "/v3/", re_path(r"^(?P<version>v\d)/", include(_both()))
    ),
    "fixed argument": _mount("/v4/", path("v4/", include(_both()), {"version": "v4"})),
    "language": _mount("/en/acme/", *i18n_patterns(path("<slug:tenant>/", include(_both())))),
    "first of two instances": _mount("/acme/", *_TWO_TENANTS),
    "second of two instances": _mount("/acme/team/7/", *_TWO_TENANTS),
    "first of two namespaces": _mount("/v5/eu/", *_NESTED),
    "second of two namespaces": _mount("/v5/us/", *_NESTED),
}

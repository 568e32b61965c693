"""The place of an IP address, if the project has configured Django's GeoIP2."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from ipaddress import ip_address as parse_address
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from refresh_sessions.devices.geoip import MultilingualGeoIP2, Names

logger = logging.getLogger("refresh_sessions")

_CACHED: Final = 1024
_DEFAULT_LANGUAGE: Final = "en"
_FILES: Final = ("GEOIP_CITY", "GEOIP_COUNTRY")


def get_place(ip_address: str | None) -> str:
    """The place of an address, such as "London, United Kingdom"; empty for an unknown place.

    In the active language if the database has it. Reads a file, so call it where the place is
    shown. Never raises: an unreadable database must not break a page.
    """
    path = getattr(settings, "GEOIP_PATH", None)
    if not path or not ip_address:
        return ""
    # A part of the cache key: tests and reloads change the settings.
    sources = (str(path), *(getattr(settings, name, None) for name in _FILES))
    names = _find(ip_address, sources)
    if names is None:
        return ""
    city, country = _in_language(names.city), _in_language(names.country)
    if city and country:
        return _("%(city)s, %(country)s") % {"city": city, "country": country}
    return country or city


@lru_cache(maxsize=_CACHED)
def _find(ip_address: str, sources: tuple[str | None, ...]) -> Names | None:
    try:
        # Parsed first: GeoIP2 resolves any other text with DNS.
        address = parse_address(ip_address)
        database = _open(sources) if address.is_global else None
        return database.names(str(address)) if database else None
    except Exception as error:  # noqa: BLE001 - an unreadable database must not break a page
        logger.debug("No place for %s: %s", ip_address, error)
        return None


@lru_cache(maxsize=1)
def _open(sources: tuple[str | None, ...]) -> MultilingualGeoIP2 | None:
    """Open the configured database; the result is cached."""
    if find_spec("geoip2") is None:
        return None
    from refresh_sessions.devices.geoip import MultilingualGeoIP2  # noqa: PLC0415 - optional

    try:
        return MultilingualGeoIP2()
    except Exception as error:  # noqa: BLE001 - an unreadable database must not break a page
        logger.warning("GEOIP_PATH %s cannot be used: %s", sources[0], error)
        return None


def _in_language(names: Mapping[str, str]) -> str:
    """The name in the active language, in a variant of it ("pt-BR" for "pt"), or in English."""
    by_language = {language.lower(): name for language, name in names.items()}
    active = (get_language() or _DEFAULT_LANGUAGE).lower()
    base = active.partition("-")[0]
    variants = (language for language in by_language if language.partition("-")[0] == base)
    for language in (active, base, *variants, _DEFAULT_LANGUAGE):
        if language in by_language:
            return by_language[language]
    return ""

"""Subclass of Django's GeoIP2. Import it late: its dependencies are large and optional."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.gis.geoip2 import GeoIP2


class Names(NamedTuple):
    """Names of a city and a country by language; empty if the database has none."""

    city: dict[str, str]
    country: dict[str, str]


class MultilingualGeoIP2(GeoIP2):
    """Django's GeoIP2 with place names in all languages instead of English only."""

    def names(self, ip_address: str) -> Names:
        """The city and country of an address.

        Raises:
            GeoIP2Error: the address is not in the database.

        """
        found = self._query(ip_address)  # type: ignore[attr-defined]  # not in the stubs
        city = dict(found.city.names) if self.is_city else {}
        return Names(city, dict(found.country.names))

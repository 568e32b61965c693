"""The only door to Django's GeoIP2. Import it late: what it stands on is large, and optional."""

from __future__ import annotations

from typing import NamedTuple

from django.contrib.gis.geoip2 import GeoIP2


class Names(NamedTuple):
    """What the database calls city and country, by language; empty where it does not know."""

    city: dict[str, str]
    country: dict[str, str]


class MultilingualGeoIP2(GeoIP2):
    """Django's own, which gives names in English alone, with those in all languages."""

    def names(self, ip_address: str) -> Names:
        """The names of the place of an address.

        Raises:
            GeoIP2Error: the address is not in the database.

        """
        found = self._query(ip_address)  # type: ignore[attr-defined]  # not in the stubs
        city = dict(found.city.names) if self.is_city else {}
        return Names(city, dict(found.country.names))

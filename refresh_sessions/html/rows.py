"""A device as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

from refresh_sessions.devices import device_of, label, name_device, place_of
from refresh_sessions.models import DeviceSession
from refresh_sessions.relative import in_relation


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """One device. For a browser with Django's login alone there is no ``session``."""

    name: str
    """What it is called: by its owner, else by what it says of itself."""
    device: str
    """What it says of itself, where its owner calls it otherwise; else empty."""
    kind: str
    place: str
    ip_address: str | None
    session: DeviceSession | None = None
    signed_in_at: datetime | None = None
    last_used_at: datetime | None = None

    @classmethod
    def of_session(cls, session: DeviceSession) -> Self:
        """The row of a device session."""
        name, device = label(session.name), session.device
        return cls(
            name=name or device or gettext("Unknown device"),
            device=device if name and name != device else "",
            kind=session.kind,
            place=session.place,
            ip_address=session.ip_address,
            session=session,
            signed_in_at=session.created_at,
            last_used_at=session.last_used_at,
        )

    @classmethod
    def of_request(cls, request: HttpRequest) -> Self:
        """The row of the browser that asks, as far as its request tells."""
        device = device_of(request)
        return cls(
            name=name_device(device.user_agent, device.hints) or gettext("Unknown device"),
            device="",
            kind=device.kind,
            place=place_of(device.ip_address),
            ip_address=device.ip_address,
        )

    @property
    def last_used(self) -> str:
        """When it was last used, in words."""
        now = timezone.now()
        # Never in days to come, whatever the clocks of server and database say of each other.
        return in_relation(min(self.last_used_at or now, now), now=now)

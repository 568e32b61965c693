"""Who presents a refresh token: what the request shows beside it."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from refresh_sessions.companion import in_use, read_companion
from refresh_sessions.conf import get_settings
from refresh_sessions.devices import device_of, network_of
from refresh_sessions.exceptions import DeviceProofRequiredError
from refresh_sessions.hidden import hide
from refresh_sessions.models import TokenFamily
from refresh_sessions.rotation import Presenter
from refresh_sessions.tokens.refresh import digest, new_secret


def presenter_of(family: TokenFamily, request: HttpRequest | None) -> Presenter:
    """Compare a request with the client that rotated the family last."""
    return Presenter(
        shows_companion=_shows_companion(family, request),
        resembles_last_client=_resembles_last_client(family, request),
    )


def new_companion() -> str | None:
    """128 random bits for the companion cookie of a new family, None where it is not in use."""
    return hide(new_secret()) if in_use() else None


def require_companion(family: TokenFamily, presenter: Presenter) -> None:
    """Refuse a copied token where the project requires the companion cookie.

    Raises:
        DeviceProofRequiredError: the family has shown the cookie, and this request does not.

    """
    required = get_settings().COMPANION_COOKIE == "require"
    if required and family.companion_generation is not None and not presenter.shows_companion:
        raise DeviceProofRequiredError


def _shows_companion(family: TokenFamily, request: HttpRequest | None) -> bool:
    companion = read_companion(request)
    if not family.companion_digest or not companion:
        return False
    return constant_time_compare(digest(companion), family.companion_digest)


def _resembles_last_client(family: TokenFamily, request: HttpRequest | None) -> bool:
    device = device_of(request)
    network = network_of(device.ip_address)
    # An address that the server does not know is nobody's.
    same_network = network != "" and network == network_of(family.last_ip_address)
    return same_network or device.user_agent == family.last_user_agent

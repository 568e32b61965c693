"""Tokens: what a client stores, with the lifetime measured by the server's clock."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from refresh_sessions.redaction import hide

FORMAT: Final = "refresh_sessions.client/1"

REFRESH_AHEAD: Final = 30.0
"""Seconds before the expiry of an access token in which it is refreshed; a quarter of its lifetime
if that is less."""

SCHEMES: Final = ("Bearer", "DPoP")

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,16384}")


def is_token(value: object) -> bool:
    """Whether the value can be sent in a header: printable ASCII without spaces."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """The tokens of one session. Their repr hides them.

    The clock of the client may be wrong: ``expires_in`` is the difference of two times of the
    server, and ``received_at`` is compared with the same wrong clock.
    """

    base_url: str
    """The server that issued the tokens."""
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    companion: str = field(default="", repr=False)
    """The companion cookie as ``name=value``, or an empty string."""
    expires_in: float | None = None
    """The lifetime of the access token when it was issued, or None if unknown."""
    received_at: float = 0.0
    """The client's clock when the access token was received."""
    scheme: str = "Bearer"
    """The scheme of the access token: "Bearer", or "DPoP" if each request needs a DPoP proof."""
    key: str = ""
    """The thumbprint of the key to which the session is bound, or an empty string."""

    def __post_init__(self) -> None:
        for name in ("access", "refresh", "companion"):
            object.__setattr__(self, name, hide(getattr(self, name)))

    @property
    def is_dpop(self) -> bool:
        """Whether each request with the access token needs a DPoP proof."""
        return self.scheme == "DPoP"

    @property
    def age(self) -> float:
        """The seconds since the access token was received; negative after the clock was set."""
        return time.time() - self.received_at

    def is_fresh(self) -> bool:
        """Whether the access token needs no refresh yet, as far as the client can know."""
        if self.expires_in is None:
            return True
        return self.expires_in - self.age > min(REFRESH_AHEAD, self.expires_in / 4)

    def is_expired(self) -> bool:
        """Whether the access token has expired, as far as the client can know."""
        return self.expires_in is not None and self.age >= self.expires_in

    def renewed(
        self,
        *,
        access: str,
        refresh: str | None,
        companion: str | None,
        expires_in: float | None,
        scheme: str = "Bearer",
    ) -> Tokens:
        """Replace what an answer contains; None keeps the old refresh token or cookie."""
        return replace(
            self,
            access=access,
            refresh=self.refresh if refresh is None else refresh,
            companion=self.companion if companion is None else companion,
            expires_in=expires_in,
            received_at=time.time(),
            scheme=scheme,
        )

    def to_json(self) -> str:
        """Serialize the tokens for a storage."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> Tokens:
        """Parse what ``to_json`` wrote.

        Raises:
            ValueError: the text is cut off, or something else.

        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            # The original error contains the text, and the text contains the tokens.
            raise ValueError("not JSON") from None
        if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
            raise ValueError("another format")
        return cls(**_validated(values))


def _validated(values: dict[str, Any]) -> dict[str, Any]:
    companion, expires_in = values.get("companion"), values.get("expires_in")
    # Files of earlier versions have neither name.
    values = {"scheme": "Bearer", "key": "", **values}
    valid = (
        values.keys() == Tokens.__dataclass_fields__.keys()
        and isinstance(values["base_url"], str)
        and is_token(values["access"])
        and is_token(values["refresh"])
        and (companion == "" or is_token(companion))
        and (expires_in is None or _is_number(expires_in))
        and _is_number(values["received_at"])
        and values["scheme"] in SCHEMES
        and (values["key"] == "" or is_token(values["key"]))
    )
    if not valid:
        raise ValueError("missing or invalid values")
    return values


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""Keys that sign and verify, each bound to one algorithm and found by its ``kid``.

Floors, bottom up: ``model`` and ``faults``, then ``derived``, ``sources``, ``symmetric``,
``jwk`` and ``pem``, then ``keyring``; ``generating`` makes new ones.

Access and refresh tokens never share a key (RFC 8725 §3.8, ASVS 9.2.4). By default the keys of
both are derived from ``SECRET_KEY`` by purpose, and those of ``SECRET_KEY_FALLBACKS`` only
verify; ``KEYS`` and ``REFRESH_KEYS`` name others.
"""

from refresh_sessions.tokens.keys.keyring import find_faults, get_keyring, public_keys
from refresh_sessions.tokens.keys.model import Key, Keyring, Purpose

__all__ = ["Key", "Keyring", "Purpose", "find_faults", "get_keyring", "public_keys"]

"""Keys that sign and verify, each bound to one algorithm and found by its ``kid``.

Layers, bottom up: ``model`` and ``errors``, then ``sources``, then ``symmetric`` and
``asymmetric``, then ``keyring``; ``new_keys`` generates keys.

Access and refresh tokens never share a key (RFC 8725 §3.8, ASVS 9.2.4). By default the keys of
both are derived from ``SECRET_KEY`` by purpose, and those of ``SECRET_KEY_FALLBACKS`` only
verify; ``KEYS`` and ``REFRESH_KEYS`` name others.
"""

from refresh_sessions.tokens.keys.keyring import find_config_errors, get_keyring, public_keys
from refresh_sessions.tokens.keys.model import Key, Keyring, Purpose

__all__ = ["Key", "Keyring", "Purpose", "find_config_errors", "get_keyring", "public_keys"]

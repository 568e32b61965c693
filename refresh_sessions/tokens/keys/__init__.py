"""Keys: load and generate the keys of tokens, each for one algorithm and with a ``kid``.

Layers, bottom up: ``model`` and ``errors``, then ``sources``, then ``symmetric`` and
``asymmetric``, then ``keyring``. ``new_keys`` generates keys.

Access and refresh tokens have different keys (RFC 8725 §3.8, ASVS 9.2.4). By default, the keys are
derived from ``SECRET_KEY`` and the purpose; those of ``SECRET_KEY_FALLBACKS`` only verify. The
settings ``KEYS`` and ``REFRESH_KEYS`` replace them.
"""

from refresh_sessions.tokens.keys.keyring import find_config_errors, get_keyring, public_keys
from refresh_sessions.tokens.keys.model import Key, Keyring, Purpose

__all__ = ["Key", "Keyring", "Purpose", "find_config_errors", "get_keyring", "public_keys"]

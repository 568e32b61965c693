"""Identity: authentication methods, and verification of a user's identity with them.

Independent of the session operations and of REST framework, so that any view can use it.
"""

from refresh_sessions.identity.account_reads import watch_accounts
from refresh_sessions.identity.methods import AuthenticationMethod, PasswordMethod
from refresh_sessions.identity.passwords import authenticate
from refresh_sessions.identity.verification import (
    available_methods,
    configured_methods,
    describe_methods,
    lacks_second_factor,
    missing_second_factors,
    verify_identity,
    verify_methods,
)

__all__ = [
    "AuthenticationMethod",
    "PasswordMethod",
    "authenticate",
    "available_methods",
    "configured_methods",
    "describe_methods",
    "lacks_second_factor",
    "missing_second_factors",
    "verify_identity",
    "verify_methods",
    "watch_accounts",
]

"""How people prove who they are: the methods, and what a full proof is made of.

Knows neither the course of sessions nor REST framework: any view can ask for a proof of identity.
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

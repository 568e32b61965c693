"""How people prove who they are: the methods, and what a full proof is made of.

Knows neither the course of sessions nor REST framework: any view can ask for a proof of identity.
"""

from refresh_sessions.identity.methods import AuthenticationMethod, PasswordMethod
from refresh_sessions.identity.passwords import authenticate
from refresh_sessions.identity.proof import (
    available_methods,
    configured_methods,
    describe,
    lacks_second_factor,
    missing_second_factors,
    prove_by,
    prove_identity,
)
from refresh_sessions.identity.watching import watch_accounts

__all__ = [
    "AuthenticationMethod",
    "PasswordMethod",
    "authenticate",
    "available_methods",
    "configured_methods",
    "describe",
    "lacks_second_factor",
    "missing_second_factors",
    "prove_by",
    "prove_identity",
    "watch_accounts",
]

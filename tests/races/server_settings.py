"""Settings of the tests' project for server processes on the database of a running test."""

import os
from datetime import timedelta

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as OF_THE_TESTS, REST_FRAMEWORK as ORDINARY_REST_FRAMEWORK

DATABASES = {
    "default": {
        **OF_THE_TESTS["default"],
        "NAME": os.environ["REFRESH_SESSIONS_SERVED_DATABASE"],
        "CONN_MAX_AGE": None,
    }
}

REFRESH_SESSIONS = {
    "MAX_SESSIONS_PER_USER": 3,
    # Longer than any race, also on a slow machine.
    "ROTATION_OVERLAP": timedelta(minutes=10),
}

# Forty concurrent requests from one address would exceed the rates.
_NO_RATES = dict.fromkeys(("session-login", "session-refresh"))
REST_FRAMEWORK = {
    **ORDINARY_REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": _NO_RATES,  # type: ignore[dict-item]  # REST framework takes any
}

"""Settings of the tests' project for the clients' servers: short lifetimes, no throttles.

``REFRESH_SESSIONS_SERVED_OPTIONS`` has options of the package as JSON; numbers are seconds.
"""

import json
import os
from datetime import timedelta

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as OF_THE_TESTS, REST_FRAMEWORK as ORDINARY_REST_FRAMEWORK

DATABASES = {
    "default": {**OF_THE_TESTS["default"], "NAME": os.environ["REFRESH_SESSIONS_SERVED_DATABASE"]}
}

REFRESH_SESSIONS = {
    name: timedelta(seconds=value) if type(value) in {int, float} else value
    for name, value in json.loads(os.environ["REFRESH_SESSIONS_SERVED_OPTIONS"]).items()
}

REST_FRAMEWORK = {
    **ORDINARY_REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(  # type: ignore[dict-item]
        ("session-login", "session-login-address", "session-refresh")
    ),
}

ROOT_URLCONF = "tests.clients.urls"

# Middleware has no effect in these scenarios and costs time.
MIDDLEWARE = []

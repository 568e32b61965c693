"""Settings of the tests' project for server processes with given keys."""

import json
import os
from datetime import timedelta

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as OF_THE_TESTS, REST_FRAMEWORK as ORDINARY_REST_FRAMEWORK

DATABASES = {
    "default": {**OF_THE_TESTS["default"], "NAME": os.environ["REFRESH_SESSIONS_SERVED_DATABASE"]}
}

REFRESH_SESSIONS = {
    "KEYS": json.loads(os.environ["REFRESH_SESSIONS_SERVED_KEYS"]),
    # The last token of a key must expire during the test.
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=3),
    "LEEWAY": timedelta(seconds=1),
    "ROTATION_OVERLAP": timedelta(0),
}

REST_FRAMEWORK = {
    **ORDINARY_REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(("session-login", "session-refresh")),  # type: ignore[dict-item]
}

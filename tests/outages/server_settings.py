"""Settings for server processes with ``ACCESS_TOKEN_CHECK = "cache"`` on a Redis of the test."""

import json
import os
from datetime import timedelta

from tests.races.server_settings import *  # noqa: F403
from tests.races.server_settings import MIDDLEWARE as ORDINARY_MIDDLEWARE

MIDDLEWARE = ["tests.outages.query_header.QueryHeader", *ORDINARY_MIDDLEWARE]
CACHES = json.loads(os.environ["REFRESH_SESSIONS_SERVED_CACHES"])

REFRESH_SESSIONS = {
    "ACCESS_TOKEN_CHECK": "cache",
    "CACHE_TIMEOUT": timedelta(seconds=float(os.environ["REFRESH_SESSIONS_SERVED_TIMEOUT"])),
}

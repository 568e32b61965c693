"""Settings of the example project for the soak test."""

import os
import secrets
from datetime import timedelta

# The settings module reads these variables on import.
os.environ.setdefault("DJANGO_SECRET_KEY", secrets.token_urlsafe(50))
os.environ.setdefault("DJANGO_DEBUG", "0")

from example_project.settings import *  # noqa: F403
from example_project.settings import DATABASES, MIDDLEWARE, REST_FRAMEWORK

MIDDLEWARE = ["tests.faults.soak.request_age.measure_age", *MIDDLEWARE]
ROOT_URLCONF = "example_project.urls"

# Persistent connections without health checks: errors occur within requests.
DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": False}

REFRESH_SESSIONS = {
    "ROTATION_OVERLAP": timedelta(seconds=float(os.environ["SOAK_OVERLAP"])),
    # Thefts take less than a minute here, and no client loses its storage.
    "CONFIRM_DELIVERY_AFTER": timedelta(0),
}
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(("session-login", "session-refresh")),
}

# Fast hashing: passwords are not under test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

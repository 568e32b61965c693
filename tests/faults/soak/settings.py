"""The example project as the soak serves it."""

import os
import secrets
from datetime import timedelta

# It is imported before the settings are, so that they need nothing from whoever starts it.
os.environ.setdefault("DJANGO_SECRET_KEY", secrets.token_urlsafe(50))
os.environ.setdefault("DJANGO_DEBUG", "0")

from example_project.settings import *  # noqa: F403
from example_project.settings import DATABASES, MIDDLEWARE, REST_FRAMEWORK

MIDDLEWARE = ["tests.faults.soaking.ages.measure_age", *MIDDLEWARE]
ROOT_URLCONF = "example_project.urls"

# Connections last, and are not looked at before they are used: what breaks is met in mid-request.
DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": False}

REFRESH_SESSIONS = {
    "ROTATION_OVERLAP": timedelta(seconds=float(os.environ["SOAK_OVERLAP"])),
    # The stories of thefts are shorter than a minute, and no client here loses its storage.
    "CONFIRM_DELIVERY_AFTER": timedelta(0),
}
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(("session-login", "session-refresh")),
}

# The real ones are slow by intent, and the soak is not about passwords.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

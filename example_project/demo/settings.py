"""The example's settings with lifetimes to watch; the server of the demo runs with these."""

from datetime import timedelta

from example_project.demo import lifetimes
from example_project.settings import *  # noqa: F403
from example_project.settings import REFRESH_SESSIONS as FROM_ENVIRONMENT
from example_project.settings import REST_FRAMEWORK as ORDINARY_REST_FRAMEWORK

REFRESH_SESSIONS = {
    "ACCESS_TOKEN_LIFETIME": lifetimes.ACCESS_TOKEN,
    "ROTATION_OVERLAP": lifetimes.ROTATION_OVERLAP,
    "REAUTHENTICATION_MAX_AGE": lifetimes.PROOF_OF_IDENTITY,
    # One machine, one clock.
    "LEEWAY": timedelta(0),
    "LOGIN_SERIALIZER": "example_project.demo.sign_in.SharedComputerLoginSerializer",
    "POLICY": "example_project.demo.sign_in.SharedComputerPolicy",
    **FROM_ENVIRONMENT,
}

# One person signs in on five devices within seconds, which the default rates rightly find odd.
REST_FRAMEWORK = {
    **ORDINARY_REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(
        ("session-login", "session-login-address", "session-refresh", "session-reauthenticate")
    ),
}

# The story shows all requests itself. What the package logs is part of it, and looks the part.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "   server log ! %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "ERROR"},
        "refresh_sessions": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}

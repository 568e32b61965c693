"""Settings for the server of the demo: the example's settings with short lifetimes."""

from datetime import timedelta

from example_project.demo import lifetimes
from example_project.settings import *  # noqa: F403
from example_project.settings import REFRESH_SESSIONS as FROM_ENVIRONMENT
from example_project.settings import REST_FRAMEWORK as ORDINARY_REST_FRAMEWORK

REFRESH_SESSIONS = {
    "ACCESS_TOKEN_LIFETIME": lifetimes.ACCESS_TOKEN,
    "ROTATION_OVERLAP": lifetimes.ROTATION_OVERLAP,
    "REAUTHENTICATION_MAX_AGE": lifetimes.REAUTHENTICATION,
    # Server and client have the same clock.
    "LEEWAY": timedelta(0),
    "LOGIN_SERIALIZER": "example_project.demo.login_policy.SharedComputerLoginSerializer",
    "POLICY": "example_project.demo.login_policy.SharedComputerPolicy",
    **FROM_ENVIRONMENT,
}

# The scenario exceeds the default rates: five logins of one user within seconds.
REST_FRAMEWORK = {
    **ORDINARY_REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": dict.fromkeys(
        ("session-login", "session-login-address", "session-refresh", "session-reauthenticate")
    ),
}

# The demo prints all requests itself, and the log records of the package with a prefix.
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

"""Settings for the server of the page: the package's defaults with shorter times."""

from importlib.util import find_spec

from example_project.demo import lifetimes, settings as scenario_settings
from example_project.settings import *  # noqa: F403
from example_project.settings import (
    BASE_DIR,
    MIDDLEWARE as ORDINARY_MIDDLEWARE,
    REFRESH_SESSIONS as FROM_ENVIRONMENT,
)

LOGGING = scenario_settings.LOGGING
REST_FRAMEWORK = scenario_settings.REST_FRAMEWORK

ROOT_URLCONF = "example_project.demo.site.urls"

MIDDLEWARE = ["example_project.demo.site.middleware.SampleClients", *ORDINARY_MIDDLEWARE]

REFRESH_SESSIONS = {
    "ACCESS_TOKEN_LIFETIME": lifetimes.PAGE_ACCESS_TOKEN,
    "ROTATION_OVERLAP": lifetimes.PAGE_ROTATION_OVERLAP,
    # Shorter than the access token, as with the defaults.
    "CONFIRM_DELIVERY_AFTER": lifetimes.PAGE_CONFIRM_DELIVERY,
    **FROM_ENVIRONMENT,
}

if find_spec("geoip2"):
    GEOIP_PATH = BASE_DIR / "example_project" / "demo" / "places"

DEMO_MODE = "default"

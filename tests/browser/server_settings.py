"""Settings of the gunicorn workers that serve the front end: no throttles, no middleware."""

from tests.clients.server_settings import *  # noqa: F403

ROOT_URLCONF = "tests.browser.front_end_urls"

"""The settings of the tests, with the packages that projects come from."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "rest_framework_simplejwt.token_blacklist", "knox"]
ROOT_URLCONF = "tests.moving.urls"

"""The settings of the tests, with the packages that projects migrate from."""

from tests.migrating.page_code import write_project
from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as _APPS, REST_FRAMEWORK as _REST_FRAMEWORK

write_project()

INSTALLED_APPS = [*_APPS, "rest_framework_simplejwt.token_blacklist", "knox", "shop"]
REST_FRAMEWORK = {
    **_REST_FRAMEWORK,
    "DEFAULT_AUTHENTICATION_CLASSES": ["shop.moving.EitherToken"],
}
ROOT_URLCONF = "tests.migrating.urls"

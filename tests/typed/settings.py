"""The settings of the tests, with users that log in with numbers, codes or addresses."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as _APPS

AUTH_USER_MODEL = "typed.Account"
INSTALLED_APPS = [*(app for app in _APPS if app != "tests.custom_user"), "tests.typed"]
ROOT_URLCONF = "tests.admin.urls"

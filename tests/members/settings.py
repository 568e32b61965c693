"""The settings of the tests, with a user model whose parents store its columns."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as _APPS

AUTH_USER_MODEL = "members.Member"
# Both user models would claim the same reverse names on groups and permissions.
INSTALLED_APPS = [*(app for app in _APPS if app != "tests.custom_user"), "tests.members"]

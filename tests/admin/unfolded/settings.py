"""Test settings with django-unfold before Django's own admin."""

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = ["unfold", *_APPS]
ROOT_URLCONF = "tests.admin.unfolded.urls"

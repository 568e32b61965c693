"""Settings of the project that the tests run in."""

import os
from importlib.util import find_spec

from tests import databases

SECRET_KEY = "tests-only-8Jq2vXc5Zr7Lw0Tn4Yb9Hd3Kf6Gp1Ms-Kx8Rb2Wn5Qj7"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
ROOT_URLCONF = "tests.urls"

DATABASES = {"default": databases.settings()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Django 6.1 and later send no mail without MAILERS; earlier versions ignore it.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "static/"

# The test suite runs once with Django's user model and once with a very different one.
AUTH_USER_MODEL = os.environ.get("REFRESH_SESSIONS_TEST_USER", "auth.User")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "refresh_sessions",
]
if find_spec("django_otp"):
    INSTALLED_APPS += [
        "django_otp",
        "django_otp.plugins.otp_static",
        "django_otp.plugins.otp_totp",
    ]
if AUTH_USER_MODEL == "custom_user.Person":
    # Two user models side by side would claim the same reverse names on groups and permissions.
    INSTALLED_APPS.append("tests.custom_user")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

PASSWORD_HASHERS = [
    # Real hashers are slow by intent; the tests log in hundreds of times.
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "refresh_sessions.rest_framework.authentication.AccessTokenAuthentication",
    ],
    "EXCEPTION_HANDLER": "refresh_sessions.rest_framework.exceptions.exception_handler",
}
if find_spec("drf_spectacular"):
    REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"] = "drf_spectacular.openapi.AutoSchema"

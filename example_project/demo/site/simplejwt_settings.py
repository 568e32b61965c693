"""Settings for the page with djangorestframework-simplejwt instead of this package."""

from example_project import environment, settings as ordinary
from example_project.demo import lifetimes, modes, settings as scenario_settings

DEBUG = ordinary.DEBUG
SECRET_KEY = ordinary.SECRET_KEY
ALLOWED_HOSTS = ordinary.ALLOWED_HOSTS
DEFAULT_AUTO_FIELD = ordinary.DEFAULT_AUTO_FIELD
USE_TZ = ordinary.USE_TZ
TIME_ZONE = ordinary.TIME_ZONE
STATIC_URL = ordinary.STATIC_URL
LOGGING = scenario_settings.LOGGING

# Its own database: these tables do not belong to the example project.
DATABASES = {"default": environment.sqlite_database(modes.directory() / "simplejwt.sqlite3")}

ROOT_URLCONF = "example_project.demo.site.simplejwt_urls"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "example_project.demo",
    # For the static files of the client.
    "refresh_sessions",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        **ordinary.TEMPLATES[0],
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": lifetimes.PAGE_ACCESS_TOKEN,
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}

DEMO_MODE = "simplejwt"
DEMO_PREPARE = "example_project.demo.site.simplejwt.prepare"

"""Settings of the example project: SQLite and development defaults, or environment variables.

============================ ================================= ===============================
variable                     value                             default
============================ ================================= ===============================
``DJANGO_DEBUG``             ``1`` or ``0``                    on
``DJANGO_SECRET_KEY``        the secret key                    a public one, with DEBUG only
``DJANGO_ALLOWED_HOSTS``     host names, separated by commas   this machine only
``DATABASE_URL``             a URL for dj-database-url         ``db.sqlite3`` beside manage.py
``DATABASE_CONN_MAX_AGE``    seconds to keep a connection      0
``EXAMPLE_REFRESH_SESSIONS`` ``{"ACCESS_TOKEN_LIFETIME": 60}`` the package's defaults
``EXAMPLE_THROTTLE_RATES``   ``{"session-login": null}``       the package's defaults
============================ ================================= ===============================

The last two are JSON; a duration is a number of seconds.
"""

from pathlib import Path

from example_project import environment

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = environment.flag("DJANGO_DEBUG", default=True)
SECRET_KEY = environment.secret_key(debug=DEBUG)
ALLOWED_HOSTS = environment.words(
    "DJANGO_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"]
)

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"

DATABASES = {"default": environment.database(BASE_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "refresh_sessions",
    "example_project.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "example_project" / "templates"],
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

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "static/"

LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "refresh_sessions_pages:session-list"

# The settings for this package: authentication with access tokens, no anonymous requests, and an
# error code in every error.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "refresh_sessions.rest_framework.authentication.AccessTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_RATES": environment.json_object("EXAMPLE_THROTTLE_RATES"),
    "EXCEPTION_HANDLER": "refresh_sessions.rest_framework.exceptions.exception_handler",
}

REFRESH_SESSIONS = environment.refresh_sessions_options()

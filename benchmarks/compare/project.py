"""A Django project around one subject: settings, URLs, users and handlers."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.compare.subjects.base import PASSWORD, Subject
from benchmarks.compare.subjects.own import Baseline

USERS: Final = 200
"""Users of a project. Each round logs other users in, so no user has many sessions."""

_SECRET_KEY: Final = "benchmarks-only-0Zq8Wm3Ln6Xc1Vb5Ty7Ru2Ip9Oa4Sd-KjHg5Fd3Sa"  # noqa: S105


class Project:
    """The project of one process."""

    current: Project
    """The project that ``benchmarks.compare.urls`` mounts."""

    def __init__(self, subject: Subject, database: dict[str, Any]) -> None:
        Project.current = self
        self.subject = subject
        self.baseline = Baseline()
        _configure(subject, database)
        from django.core.handlers.wsgi import WSGIHandler
        from django.test import override_settings
        from django.urls import get_resolver

        self.handler = WSGIHandler()
        with override_settings(MIDDLEWARE=[]):
            self.baseline_handler = WSGIHandler()
        # Views take their classes from the settings when they are imported.
        get_resolver().url_patterns  # noqa: B018

    def create(self) -> None:
        """Create tables and users."""
        from django.contrib.auth.hashers import make_password
        from django.contrib.auth.models import User
        from django.core.management import call_command

        call_command("migrate", run_syncdb=True, verbosity=0)
        password = make_password(PASSWORD)
        User.objects.bulk_create(
            User(username=username(number), password=password) for number in range(USERS)
        )
        self.subject.prepare()

    def urlpatterns(self) -> list[Any]:
        """The baseline, the view of the API, and the endpoints of the subject."""
        from django.urls import include, path

        from benchmarks.compare.views import ProtectedView

        patterns: list[Any] = [path("baseline/", include("benchmarks.compare.views"))]
        if not isinstance(self.subject, Baseline):
            patterns.append(path("protected/", ProtectedView.as_view()))
        return [*patterns, *self.subject.urlpatterns()]


def username(number: int) -> str:
    """The name of a user."""
    return f"user{number % USERS}"


def _configure(subject: Subject, database: dict[str, Any]) -> None:
    import django
    from django.conf import settings

    rest_framework: dict[str, Any] = {
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    }
    if not isinstance(subject, Baseline):
        rest_framework["DEFAULT_AUTHENTICATION_CLASSES"] = [subject.authentication]
    defaults: dict[str, Any] = {
        "SECRET_KEY": _SECRET_KEY,
        "ALLOWED_HOSTS": ["*"],
        "ROOT_URLCONF": "benchmarks.compare.urls",
        "DATABASES": {"default": database},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "INSTALLED_APPS": [
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "rest_framework",
            "benchmarks.compare",
            *subject.apps,
        ],
        "MIDDLEWARE": list(subject.middleware),
        # A hasher of production is slow on purpose, and hides everything else of a login.
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "REST_FRAMEWORK": rest_framework,
        # Refusals are part of some measurements; their log records are not.
        "LOGGING": {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"null": {"class": "logging.NullHandler"}},
            "root": {"level": "CRITICAL", "handlers": ["null"]},
        },
        "USE_TZ": True,
    }
    settings.configure(**{**defaults, **subject.django_settings()})
    django.setup()

"""Classes of the package in REST framework's default settings."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from rest_framework.schemas.inspectors import ViewInspector
from rest_framework.test import APIRequestFactory
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from refresh_sessions.rest_framework import throttling
from tests.interpreters import run_afresh

PACKAGE = "refresh_sessions.rest_framework"
MODULES = (
    *("authentication", "debug_hints", "exceptions", "parsers", "permissions"),
    *("refusal_log", "requests", "serializers", "throttling"),
)

SETTINGS = {
    BaseAuthentication: ("DEFAULT_AUTHENTICATION_CLASSES", list),
    BasePermission: ("DEFAULT_PERMISSION_CLASSES", list),
    BaseThrottle: ("DEFAULT_THROTTLE_CLASSES", list),
    BaseParser: ("DEFAULT_PARSER_CLASSES", list),
    BaseRenderer: ("DEFAULT_RENDERER_CLASSES", list),
    BaseContentNegotiation: ("DEFAULT_CONTENT_NEGOTIATION_CLASS", None),
    ViewInspector: ("DEFAULT_SCHEMA_CLASS", None),
}
# An abstract class has no scope. Descriptors of the package replace the schema of a view, not
# the setting that they read.
LEFT_OUT = {"SessionThrottle", "DescribedSchema"}

PROGRAM = """
import tests.settings
named = {named!r}
tests.settings.REST_FRAMEWORK = {{**tests.settings.REST_FRAMEWORK, **named}}
import django
from importlib import import_module
django.setup()
import_module({first!r})
from django.core.management import call_command
call_command("check")
from rest_framework.settings import api_settings
assert all(getattr(api_settings, setting) for setting in named)
from django.test import Client
assert Client().post("/auth/login/", {{}}, content_type="application/json").status_code == 400
assert Client().get("/auth/jwks.json").status_code == 404
assert Client().get("/who-am-i/").status_code == 401
"""


def _classes():
    for module in MODULES:
        path = f"{PACKAGE}.{module}"
        for name, found in inspect.getmembers(import_module(path), inspect.isclass):
            if found.__module__ == path and name not in LEFT_OUT:
                yield f"{path}.{name}", found


def _values():
    """Return for each setting the package's classes that fit it."""
    values = {"EXCEPTION_HANDLER": f"{PACKAGE}.exceptions.exception_handler"}
    for dotted, found in _classes():
        for base, (setting, kind) in SETTINGS.items():
            if issubclass(found, base):
                values[setting] = [*values.get(setting, []), dotted] if kind else dotted
    return values


VALUES = _values()


def test_tested_defaults_cover_each_setting_with_a_package_class():
    none_of_ours = {"DEFAULT_RENDERER_CLASSES", "DEFAULT_SCHEMA_CLASS"}
    fitting = {name for name, _ in SETTINGS.values()} - none_of_ours
    assert set(VALUES) == fitting | {"EXCEPTION_HANDLER"}
    assert len(VALUES["DEFAULT_THROTTLE_CLASSES"]) == 6


@pytest.mark.parametrize("setting", VALUES)
def test_project_with_package_class_in_one_default_starts(setting):
    named = {setting: VALUES[setting]}
    first = VALUES[setting] if isinstance(VALUES[setting], str) else VALUES[setting][0]
    run_afresh(PROGRAM.format(named=named, first=first.rpartition(".")[0]))


@pytest.mark.parametrize("first", ["rest_framework.views", f"{PACKAGE}.permissions"])
def test_project_with_package_classes_in_all_defaults_starts(first):
    run_afresh(PROGRAM.format(named=VALUES, first=first))


class View(APIView):
    """A project view that uses no ticket, no claims and no session."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, request):
        return Response({})


@pytest.mark.parametrize(
    "throttle",
    [
        throttling.LoginThrottle,
        throttling.LoginAddressThrottle,
        throttling.RefreshThrottle,
        throttling.ReauthenticateThrottle,
        throttling.VerifyThrottle,
    ],
)
def test_package_throttle_in_a_project_view_lets_requests_pass(throttle):
    view = View.as_view(throttle_classes=(throttle,))
    assert view(APIRequestFactory().post("/", {}, format="json")).status_code == 200

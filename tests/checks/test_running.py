"""The checks as Django runs them."""

from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command

from tests.checks.finding import seconds


def _run(*, deploy=False) -> list[str]:
    messages = run_checks(tags=["refresh_sessions"], include_deployment_checks=deploy)
    return [str(message.id) for message in messages]


class TestRunning:
    def test_errors_are_reported_without_deploy(self, settings):
        settings.REFRESH_SESSIONS = {"ISSUR": "shop"}
        assert _run() == ["refresh_sessions.E001"]
        with pytest.raises(CommandError, match=r"refresh_sessions\.E001"):
            call_command("check", tags=["refresh_sessions"])

    def test_warnings_are_reported_with_deploy_alone(self, settings):
        settings.REFRESH_SESSIONS = {"LEEWAY": seconds(61)}
        assert _run() == []
        assert _run(deploy=True) == ["refresh_sessions.W007"]

    def test_warnings_have_security_tag(self, settings):
        settings.REFRESH_SESSIONS = {"LEEWAY": seconds(61)}
        messages = run_checks(tags=["security"], include_deployment_checks=True)
        assert "refresh_sessions.W007" in [message.id for message in messages]

    def test_warnings_are_silenced_with_silenced_system_checks(self, settings):
        settings.REFRESH_SESSIONS = {"LEEWAY": seconds(61), "ACCESS_TOKEN_CHECK": "stateless"}
        settings.SILENCED_SYSTEM_CHECKS = ["refresh_sessions.W007"]
        out = StringIO()
        call_command(
            "check", deploy=True, tags=["refresh_sessions"], stdout=out, stderr=(err := StringIO())
        )
        assert "refresh_sessions.W014" in out.getvalue() + err.getvalue()
        assert "refresh_sessions.W007" not in out.getvalue() + err.getvalue()

    def test_checks_of_test_settings_are_silent(self):
        assert _run(deploy=True) == []

"""The check of django-otp, with and without the library and its devices."""

import pytest

from tests.checks.finding import found, ids


class TestDjangoOTP:
    """A second factor without devices would allow a login with the password alone."""

    @pytest.fixture(autouse=True)
    def _second_factor(self, settings):
        path = "refresh_sessions.identity.otp.OneTimePasswordMethod"
        settings.REFRESH_SESSIONS = {"SECOND_FACTORS": (path,)}

    def test_missing_django_otp_is_reported(self, monkeypatch):
        monkeypatch.setattr("refresh_sessions.identity.otp.find_spec", lambda name: None)
        (message,) = found()
        assert message.id == "refresh_sessions.E020"
        assert "not installed" in message.msg
        assert "pip install 'django-refresh-sessions[otp]'" in str(message.hint)

    def test_django_otp_without_device_apps_is_reported(self, monkeypatch):
        django_otp = pytest.importorskip("django_otp")
        monkeypatch.setattr(django_otp, "device_classes", lambda: iter(()))
        (message,) = found()
        assert message.id == "refresh_sessions.E020"
        assert "no login asks for a code" in message.msg
        assert "django_otp.plugins.otp_totp" in str(message.hint)

    def test_installed_django_otp_is_not_reported(self):
        pytest.importorskip("django_otp")
        assert ids() == []

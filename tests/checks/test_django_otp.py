"""django-otp, with and without what it needs."""

import pytest

from tests.checks.finding import found, ids


class TestDjangoOTP:
    """As a second factor that nobody can have, it would let all sign in by password alone."""

    @pytest.fixture(autouse=True)
    def _second_factor(self, settings):
        path = "refresh_sessions.identity.otp.OneTimePasswordMethod"
        settings.REFRESH_SESSIONS = {"SECOND_FACTORS": (path,)}

    def test_is_missed(self, monkeypatch):
        monkeypatch.setattr("refresh_sessions.identity.otp.find_spec", lambda name: None)
        (message,) = found()
        assert message.id == "refresh_sessions.E020"
        assert "not installed" in message.msg
        assert "pip install 'django-refresh-sessions[otp]'" in str(message.hint)

    def test_has_no_devices(self, monkeypatch):
        django_otp = pytest.importorskip("django_otp")
        monkeypatch.setattr(django_otp, "device_classes", lambda: iter(()))
        (message,) = found()
        assert message.id == "refresh_sessions.E020"
        assert "no login asks for a code" in message.msg
        assert "django_otp.plugins.otp_totp" in str(message.hint)

    def test_is_there(self):
        pytest.importorskip("django_otp")
        assert ids() == []

"""django-otp's devices as a second factor and in a step-up. They need the extra ``otp``."""

from datetime import timedelta

import pytest

pytest.importorskip("django_otp", reason="the extra otp is not installed")

from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from refresh_sessions.models import DeviceSession
from refresh_sessions.tokens import access_tokens
from tests.api.client import problem
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

OTP = "refresh_sessions.identity.otp.OneTimePasswordMethod"


@pytest.fixture(autouse=True)
def _second_factor(options, settings):
    options(SECOND_FACTORS=(OTP,))
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"session-login": None}}


@pytest.fixture
def device(user):
    return TOTPDevice.objects.create(user=user, name="Phone", confirmed=True)


@pytest.fixture
def backup(user):
    backup = StaticDevice.objects.create(user=user, name="Paper", confirmed=True)
    backup.token_set.create(token="once")
    return backup


@pytest.fixture
def log_in(api, credentials):
    """Both steps, with a ticket for each second."""

    def both(**proof):
        answer = api.post("login/", credentials)
        assert problem(answer) == (401, "mfa_required")
        assert answer.json()["methods"] == [{"name": "otp", "factor": "second"}]
        return api.post("login/verify/", {"ticket": answer.json()["ticket"], **proof})

    return both


def code(device, **options):
    return f"{totp(device.bin_key, **options):06d}"


class TestSignIn:
    def test_with_a_code(self, device, log_in):
        body = log_in(otp=code(device)).json()
        assert access_tokens.verify(body["access"]).authentication_methods == ("pwd", "otp")

    def test_people_type_spaces(self, device, log_in):
        digits = code(device)
        assert log_in(otp=f"{digits[:3]} {digits[3:]} ").status_code == 200

    @pytest.mark.parametrize("wrong", ["000000", "", "abc", 123456, ["1"], "\0", "9" * 1000, True])
    def test_with_a_wrong_one(self, device, log_in, wrong):
        assert problem(log_in(otp=wrong)) == (401, "second_factor_failed")
        assert not DeviceSession.objects.exists()

    def test_a_code_is_good_once(self, clock, device, log_in):
        used = code(device)
        assert log_in(otp=used).status_code == 200
        assert log_in(otp=used).status_code == 401

    def test_the_devices_own_throttling_holds(self, clock, device, log_in):
        log_in(otp="000000")
        assert log_in(otp=code(device)).status_code == 401
        clock.move(timedelta(seconds=2))
        assert log_in(otp=code(device)).status_code == 200

    def test_with_a_code_on_paper(self, device, backup, log_in):
        assert log_in(otp="once").status_code == 200
        assert log_in(otp="once").status_code == 401

    def test_codes_of_one_device_do_not_lock_the_other(self, clock, device, backup, log_in):
        for _ in range(5):
            assert log_in(otp=code(device)).status_code == 200
            clock.move(timedelta(minutes=1))
            for each in (device, backup):
                each.refresh_from_db()
                assert each.throttling_failure_count == 0
        assert log_in(otp="once").status_code == 200

    def test_a_code_that_no_device_knows_counts_for_all(self, device, backup, log_in):
        log_in(otp="000000")
        for each in (device, backup):
            each.refresh_from_db()
            assert each.throttling_failure_count == 1

    def test_one_device_may_be_named(self, device, backup, log_in):
        right = code(device)
        assert log_in(otp=right, otp_device=backup.persistent_id).status_code == 401
        assert log_in(otp=right, otp_device=device.persistent_id).status_code == 200

    @pytest.mark.parametrize("named", [7, [], {}, "x", ""])
    def test_of_devices_that_are_none(self, device, log_in, named):
        assert log_in(otp=code(device), otp_device=named).status_code == 401

    def test_a_device_that_is_not_confirmed_is_no_factor(self, api, credentials, device):
        TOTPDevice.objects.update(confirmed=False)
        assert api.post("login/", credentials).status_code == 200


class TestStepUp:
    @pytest.fixture
    def token(self, device, log_in, clock):
        token = log_in(otp=code(device)).json()["access"]
        clock.move(timedelta(minutes=10))
        return token

    def test_needs_both(self, api, token, device):
        answer = api.post("reauthenticate/", {"password": PASSWORD}, access=token)
        assert problem(answer) == (400, "proof_incomplete")
        both = {"password": PASSWORD, "otp": code(device)}
        answer = api.post("reauthenticate/", both, access=token)
        assert answer.status_code == 200
        claims = access_tokens.verify(answer.json()["access"])
        assert claims.authentication_methods == ("pwd", "otp")

    def test_a_wrong_password_uses_no_code_up(self, api, token, device, clock):
        right = code(device)
        wrong = {"password": "wrong", "otp": right}
        assert api.post("reauthenticate/", wrong, access=token).status_code == 401
        both = {"password": PASSWORD, "otp": right}
        assert api.post("reauthenticate/", both, access=token).status_code == 200

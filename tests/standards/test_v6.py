"""ASVS V6, authentication: throttles, passwords, second factors."""

import re
import unicodedata
from datetime import timedelta
from importlib import import_module
from unittest import mock

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.urls import get_resolver

from refresh_sessions.exceptions import SecondFactorRequiredError
from refresh_sessions.models import DeviceSession
from refresh_sessions.rest_framework.throttling import SessionThrottle
from refresh_sessions.sessions import log_in, revoke_session, start_session
from tests.api.client import Client, problem
from tests.factories import PASSWORD, UserFactory, make_pair
from tests.factors import CODE
from tests.standards.page import PAGE
from tests.standards.registry import deviates, not_applicable, passes

pytestmark = pytest.mark.django_db

README = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")


@passes(
    "ASVS 6.1.1",
    "The README names each throttle with its rate, its key and its setting.",
)
def test_asvs_6_1_1_throttles_are_documented():
    (paragraph,) = re.findall(r"^\*\*Throttles\.\*\*.*?\n\n", README, re.DOTALL | re.MULTILINE)
    throttles = SessionThrottle.__subclasses__()
    assert len(throttles) >= 2
    for throttle in throttles:
        assert f"`{throttle.scope}` ({throttle.default_rate} per " in paragraph
    assert "`DEFAULT_THROTTLE_RATES`" in " ".join(paragraph.split())


@passes(
    "ASVS 6.2.8",
    "The password is passed to the hasher unmodified: not trimmed, folded, truncated or "
    "normalized.",
)
@pytest.mark.parametrize("password", ["  both ends  ", "MiXeD", "x" * 100, "e\u0301 \ufb01 🗝"])
def test_asvs_6_2_8_password_is_verified_unmodified(api, user, password):
    user.set_password(password)
    user.save()
    body = {"username": user.get_username(), "password": password}
    assert api.post("login/", body).status_code == 200
    folded = {password.strip(), password.lower(), unicodedata.normalize("NFKC", password)}
    cut = {password[:72], password[:-1], f"{password} "}
    for other in (folded | cut) - {password}:
        answer = api.post("login/", {**body, "password": other})
        assert problem(answer) == (401, "no_active_account")


@passes(
    "ASVS 6.3.1",
    "Five logins a minute per address and account, sixty per public address for all accounts, "
    "fifty wrong second factors a day per account: an attacker at another address cannot lock "
    "the owner out. Thirty refreshes a minute per session.",
)
def test_asvs_6_3_1_password_guessing_is_throttled_without_locking_owner_out(
    api, credentials, pair
):
    wrong = {**credentials, "password": "wrong"}
    statuses = [api.post("login/", wrong).status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert problem(api.post("login/", credentials)) == (429, "throttled")
    # The owner at another address, and another account at this address.
    owner = Client(REMOTE_ADDR="203.0.113.9")
    assert owner.post("login/", credentials).status_code == 200
    another = {"username": UserFactory().get_username(), "password": PASSWORD}
    assert api.post("login/", another).status_code == 200
    # Credential stuffing with a list of accounts.
    guest = Client(REMOTE_ADDR="8.8.8.8")
    listed = [{"username": f"{number}", "password": "x"} for number in range(61)]
    statuses = [guest.post("login/", body).status_code for body in listed]
    assert statuses == [401] * 60 + [429]
    revoke_session(pair.session, reason="admin")
    refreshes = [api.post("refresh/", {"refresh": pair.refresh}).status_code for _ in range(31)]
    assert refreshes == [401] * 30 + [429]


def test_asvs_6_3_1_code_guessing_from_many_addresses_is_throttled(ada, options):
    """With the password an attacker gets a new ticket for every five codes."""
    options(SECOND_FACTORS=("tests.factors.Code",))
    answers = []
    for number in range(51):
        client = Client(REMOTE_ADDR=f"8.8.8.{number}")
        credentials = {"username": ada.get_username(), "password": PASSWORD}
        ticket = client.post("login/", credentials).json()["ticket"]
        answer = client.post("login/verify/", {"ticket": ticket, "code": "000000"})
        answers.append(problem(answer))
    assert answers == [(401, "second_factor_failed")] * 50 + [(429, "throttled")]
    access = make_pair(ada, methods=("pwd", "otp")).access
    factors = {"password": PASSWORD, "code": CODE}
    assert Client().post("reauthenticate/", factors, access=access).status_code == 200


@passes(
    "ASVS 6.3.4",
    "The second factor of `SECOND_FACTORS` is required on each path: at login, at "
    "re-authentication, and in a project's own login by `log_in`; there is no other path.",
)
def test_asvs_6_3_4_every_login_path_requires_second_factor(api, ada, options):
    options(SECOND_FACTORS=("tests.factors.Code",))
    by_password = {"username": ada.get_username(), "password": PASSWORD}
    answer = api.post("login/", by_password)
    assert problem(answer) == (401, "mfa_required")
    body = {"ticket": answer.json()["ticket"], "code": "000000"}
    assert problem(api.post("login/verify/", body)) == (401, "second_factor_failed")
    with pytest.raises(SecondFactorRequiredError):
        log_in(ada, methods=["pwd"])
    # No endpoint issues tokens for the password alone.
    for url in get_resolver("refresh_sessions.urls").url_patterns:
        answer = api.raw.post(f"/auth/{url.pattern}", {**body, **by_password}, format="json")
        assert answer.status_code >= 400, url
    assert not DeviceSession.objects.exists()
    access = make_pair(ada, methods=("pwd", "otp")).access
    answer = api.post("reauthenticate/", {"password": PASSWORD}, access=access)
    assert problem(answer) == (400, "proof_incomplete")
    assert api.post("login/verify/", {**body, "code": CODE}).status_code == 200


@deviates(
    "ASVS 6.3.5",
    "The user is notified of a login on a new device and of reuse.",
    why="Signals are sent for both, and no mail: the package does not know whether the project "
    "has a sender address.",
    letter={"MAIL_ON_NEW_DEVICE": True, "MAIL_ON_REUSE": True},
    remedy='`"MAIL_ON_NEW_DEVICE": True, "MAIL_ON_REUSE": True`',
)
def test_asvs_6_3_5_login_on_new_device_notifies_user(by_letter, rf):
    user = UserFactory()
    type(user).objects.filter(pk=user.pk).update(
        **{user.get_email_field_name(): "ada@example.org"}
    )
    user.refresh_from_db()
    make_pair(user, request=rf.get("/", headers={"user-agent": "The known one"}))
    start_session(user, request=rf.get("/", headers={"user-agent": "Never seen"}))
    notifications = [message for message in mail.outbox if "Never seen" in message.body]
    assert len(notifications) == (1 if by_letter else 0)


not_applicable(
    "ASVS 6.3.7",
    "The package changes no password, address or factor; the revocations after a password "
    "change are announced by `session_revoked`.",
)


@passes(
    "ASVS 6.3.8",
    "Wrong password, unknown name and inactive account: the same answer after one run of the "
    "password hasher.",
)
def test_asvs_6_3_8_failed_login_is_equal_for_any_account(api, credentials):
    inactive = UserFactory(is_active=False).get_username()
    attempts = [
        {**credentials, "password": "wrong"},
        {"username": "nobody@example.org", "password": PASSWORD},
        {"username": inactive, "password": PASSWORD},
        {"username": inactive, "password": "wrong"},
    ]
    seen, hashed = set(), []
    for body in attempts:
        with mock.patch.object(
            MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
        ) as encode:
            answer = api.post("login/", body)
        seen.add((answer.status_code, answer.content, tuple(sorted(answer.headers.items()))))
        hashed.append(encode.call_count)
    assert len(seen) == 1
    assert hashed == [1] * len(attempts)


@passes(
    "ASVS 6.5.1",
    "A sign-in ticket and a code of django-otp are accepted once, at login and at "
    "re-authentication; a project's own method must ensure the same, as its documentation "
    "says.",
)
def test_asvs_6_5_1_one_time_code_is_accepted_once(api, credentials, user, options, clock):
    pytest.importorskip("django_otp", reason="the extra otp is not installed")
    oath = import_module("django_otp.oath")
    devices = import_module("django_otp.plugins.otp_totp.models").TOTPDevice
    options(SECOND_FACTORS=("refresh_sessions.identity.otp.OneTimePasswordMethod",))
    device = devices.objects.create(user=user, name="Phone", confirmed=True)
    code = f"{oath.totp(device.bin_key):06d}"
    first, second = (api.post("login/", credentials).json()["ticket"] for _ in range(2))
    answer = api.post("login/verify/", {"ticket": first, "otp": code})
    assert answer.status_code == 200
    access = answer.json()["access"]
    again = api.post("login/verify/", {"ticket": first, "otp": code})
    assert problem(again) == (401, "ticket_not_valid")
    replayed = api.post("login/verify/", {"ticket": second, "otp": code})
    assert problem(replayed) == (401, "second_factor_failed")
    factors = {"password": PASSWORD, "otp": code}
    stepped_up = api.post("reauthenticate/", factors, access=access)
    assert problem(stepped_up) == (401, "reauthentication_failed")
    clock.move(timedelta(minutes=1))
    factors["otp"] = f"{oath.totp(device.bin_key):06d}"
    assert api.post("reauthenticate/", factors, access=access).status_code == 200

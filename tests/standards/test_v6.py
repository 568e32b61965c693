"""ASVS V6, authentication: what stands around the password check."""

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
    "The README names each throttle with its rate, what it counts by, and where to change it.",
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
    "The password goes to the hasher as it came: neither trimmed, folded, cut nor normalized.",
)
@pytest.mark.parametrize("password", ["  both ends  ", "MiXeD", "x" * 100, "e\u0301 \ufb01 🗝"])
def test_asvs_6_2_8_the_password_is_taken_as_it_is(api, user, password):
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
    "Five sign-ins a minute per address and account, sixty per address of the internet whatever "
    "the accounts, fifty wrong second factors a day per account: a stranger elsewhere can lock "
    "nobody out. Thirty refreshes a minute per session.",
)
def test_asvs_6_3_1_guessing_is_slowed_down_and_locks_nobody_out(api, credentials, pair):
    wrong = {**credentials, "password": "wrong"}
    statuses = [api.post("login/", wrong).status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert problem(api.post("login/", credentials)) == (429, "throttled")
    # The owner, who comes from another address, and another account from this one.
    owner = Client(REMOTE_ADDR="203.0.113.9")
    assert owner.post("login/", credentials).status_code == 200
    another = {"username": UserFactory().get_username(), "password": PASSWORD}
    assert api.post("login/", another).status_code == 200
    # A stolen list of accounts.
    guest = Client(REMOTE_ADDR="8.8.8.8")
    listed = [{"username": f"{number}", "password": "x"} for number in range(61)]
    statuses = [guest.post("login/", body).status_code for body in listed]
    assert statuses == [401] * 60 + [429]
    revoke_session(pair.session, reason="admin")
    refreshes = [api.post("refresh/", {"refresh": pair.refresh}).status_code for _ in range(31)]
    assert refreshes == [401] * 30 + [429]


def test_asvs_6_3_1_codes_are_guessed_from_many_addresses_in_vain(ada, options):
    """Who knows the password has a ticket for each five codes."""
    options(SECOND_FACTORS=("tests.factors.Code",))
    said = []
    for number in range(51):
        client = Client(REMOTE_ADDR=f"8.8.8.{number}")
        credentials = {"username": ada.get_username(), "password": PASSWORD}
        ticket = client.post("login/", credentials).json()["ticket"]
        answer = client.post("login/verify/", {"ticket": ticket, "code": "000000"})
        said.append(problem(answer))
    assert said == [(401, "second_factor_failed")] * 50 + [(429, "throttled")]
    access = make_pair(ada, methods=("pwd", "otp")).access
    proof = {"password": PASSWORD, "code": CODE}
    assert Client().post("reauthenticate/", proof, access=access).status_code == 200


@passes(
    "ASVS 6.3.4",
    "The second factor of `SECOND_FACTORS` is asked for on each way in: at sign-in, at a step-up, "
    "and of a project's own sign-in by `log_in`; there is no other.",
)
def test_asvs_6_3_4_each_way_in_is_as_strong(api, ada, options):
    options(SECOND_FACTORS=("tests.factors.Code",))
    by_password = {"username": ada.get_username(), "password": PASSWORD}
    answer = api.post("login/", by_password)
    assert problem(answer) == (401, "mfa_required")
    body = {"ticket": answer.json()["ticket"], "code": "000000"}
    assert problem(api.post("login/verify/", body)) == (401, "second_factor_failed")
    with pytest.raises(SecondFactorRequiredError):
        log_in(ada, methods=["pwd"])
    # No endpoint at all gives tokens for the password alone, and nothing documented is missing.
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
    "The user is told of a sign-in from a device that is new, and of a token that came back.",
    why="Signals are sent for both, and no mail: the package cannot know whether the project has "
    "an address to send from.",
    letter={"MAIL_ON_NEW_DEVICE": True, "MAIL_ON_REUSE": True},
    remedy='`"MAIL_ON_NEW_DEVICE": True, "MAIL_ON_REUSE": True`',
)
def test_asvs_6_3_5_the_user_is_told_of_what_is_suspicious(by_letter, rf):
    user = UserFactory()
    type(user).objects.filter(pk=user.pk).update(
        **{user.get_email_field_name(): "ada@example.org"}
    )
    user.refresh_from_db()
    make_pair(user, request=rf.get("/", headers={"user-agent": "The known one"}))
    start_session(user, request=rf.get("/", headers={"user-agent": "Never seen"}))
    told = [message for message in mail.outbox if "Never seen" in message.body]
    assert len(told) == (1 if by_letter else 0)


not_applicable(
    "ASVS 6.3.7",
    "The package changes no password, no address and no factor, so it has nothing of the kind to "
    "report; what a changed password ends is announced by `session_revoked`.",
)


@passes(
    "ASVS 6.3.8",
    "Wrong password, unknown name and inactive account: the same answer after the same one run of "
    "the password hasher.",
)
def test_asvs_6_3_8_accounts_cannot_be_told_apart(api, credentials):
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
    "A ticket for the second step is good once, and so is a code of django-otp, at sign-in and at "
    "a step-up alike; a method of a project's own has to see to it, as its documentation says.",
)
def test_asvs_6_5_1_codes_are_good_once(api, credentials, user, options, clock):
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
    proof = {"password": PASSWORD, "otp": code}
    stepped_up = api.post("reauthenticate/", proof, access=access)
    assert problem(stepped_up) == (401, "reauthentication_failed")
    clock.move(timedelta(minutes=1))
    proof["otp"] = f"{oath.totp(device.bin_key):06d}"
    assert api.post("reauthenticate/", proof, access=access).status_code == 200

"""The story: what happens to the devices of one person, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from example_project.demo import lifetimes
from example_project.demo.clients import Browser, Device, moment, refresh_request
from example_project.demo.stage import Stage, UnmetExpectationError

TABS: Final = tuple(f"Tab {number}" for number in range(1, 6))


class StepFailedError(Exception):
    """A step of the story went otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step, and the one line that says what it is about."""

    headline: str
    explanation: str
    play: Callable[[Story], None]


STEPS: Final[list[Step]] = []

_Play = Callable[["Story"], None]


def step(headline: str, explanation: str) -> Callable[[_Play], _Play]:
    """Make a method the next step of the story."""

    def add(play: _Play) -> _Play:
        STEPS.append(Step(headline=headline, explanation=explanation, play=play))
        return play

    return add


class Story:
    """A person with a laptop, an office computer and a phone; a thief; staff."""

    def __init__(self, stage: Stage, *, person: str, staff: str, password: str) -> None:
        self.stage = stage
        self.person = person
        self.staff = staff
        self.password = password
        self.laptop = Device(name="Laptop", stage=stage)
        self.office = Device(name="Office PC", stage=stage)
        self.phone = Device(name="Phone", stage=stage)
        self.stolen = ""

    def play(self) -> None:
        """Play all steps.

        Raises:
            StepFailedError: an answer was not as told; the steps after it would tell nothing.

        """
        for number, it in enumerate(STEPS, start=1):
            self.stage.screen.headline(number, it.headline, it.explanation)
            try:
                it.play(self)
            except UnmetExpectationError as error:
                raise StepFailedError(f"Step {number}, {it.headline}: {error}") from None
            except (OSError, HTTPException) as error:
                raise StepFailedError(f"Step {number}, {it.headline}: no answer") from error

    @step(
        "Sign in",
        "A password buys two tokens: a short-lived one for calls, a longer-lived one to get more.",
    )
    def sign_in(self) -> None:
        body = self._sign_in(self.laptop)
        self.stage.expect(
            "two tokens, and the session they belong to",
            expected=["access", "access_expires_at", "refresh", "refresh_expires_at", "session"],
            got=sorted(body),
        )
        # Somebody copies it today, and comes back with it in a later step.
        self.stolen = self.laptop.refresh

    @step(
        "Call the API",
        "The access token says who calls, and from which of their devices.",
    )
    def call(self) -> None:
        self._expect_recognised(self.laptop)

    @step(
        "The access token expires",
        f"It lasts {lifetimes.ACCESS_TOKEN.seconds} seconds here, and 15 minutes by default.",
    )
    def access_token_expires(self) -> None:
        expiry = moment(self.laptop.access_expires_at)
        self.stage.wait_until(expiry, "the access token has expired")
        answer = self.stage.ask_until(self.laptop.name, self.laptop.call_request(), status=401)
        self.stage.expect_answer(
            "refused, and told that it has only expired: a refresh helps",
            answer,
            401,
            code="token_not_valid",
            reason="token_expired",
        )

    @step(
        "Refresh",
        "The refresh token is exchanged for new tokens, and is used up by that.",
    )
    def refresh(self) -> None:
        used = self.laptop.refresh
        self.stage.expect_answer("new tokens without a password", self.laptop.renew(), 200)
        self.stage.expect("another refresh token", expected=True, got=self.laptop.refresh != used)
        self._expect_recognised(self.laptop)

    @step(
        "Five tabs refresh at once",
        "They share one token. One of them gets its successor, and nobody is signed out.",
    )
    def five_tabs(self) -> None:
        self._sign_in(self.office)
        answers = self.stage.ask_at_once(TABS, [self.office.refresh_request() for _ in TABS])
        self.stage.expect(
            "an access token for every tab",
            expected=[(200, True)] * len(TABS),
            got=[(answer.status, "access" in answer.json) for answer in answers],
        )
        self.stage.expect(
            "one new refresh token, for the storage that the tabs share",
            expected=1,
            got=sum("refresh" in answer.json for answer in answers),
        )
        for answer in answers:
            self.office.keep(answer)
        calls = [self.office.call_request(access=answer.json["access"]) for answer in answers]
        self.stage.expect(
            "every tab is still signed in",
            expected=[200] * len(TABS),
            got=[answer.status for answer in self.stage.ask_at_once(TABS, calls)],
        )

    @step(
        "The response gets lost",
        "Nobody has seen the new token in use, so the old one is good for a retry.",
    )
    def lost_response(self) -> None:
        self._sign_in(self.phone)
        self.stage.ask_in_vain(self.phone.name, self.phone.refresh_request())
        # Earlier, the phone would be taken for a sibling tab and get an access token only.
        self.stage.wait(lifetimes.ROTATION_OVERLAP, "the phone tries again")
        tried = self.phone.refresh
        self.stage.expect_answer("the same token, accepted again", self.phone.renew(), 200)
        self.stage.expect("and replaced now", expected=True, got=self.phone.refresh != tried)
        self._expect_recognised(self.phone)

    @step(
        "A sensitive action",
        f"A proof of identity counts for {lifetimes.PROOF_OF_IDENTITY.seconds} seconds here, "
        "and 5 minutes by default.",
    )
    def sensitive_action(self) -> None:
        too_old = moment(self.office.session["created_at"]) + lifetimes.PROOF_OF_IDENTITY
        self.stage.wait_until(too_old, "the proof has grown old")
        self.stage.expect_answer("the office PC is signed in", self.office.renew(), 200)
        before, answer = self.office.access, self.office.transfer()
        self.stage.expect_answer(
            "its proof of identity is too old", answer, 401, code="reauthentication_required"
        )
        proven = self.office.confirm(password=self.password)
        self.stage.expect_answer("the person proves who they are", proven, 200)
        self.stage.expect_answer("and the action is allowed", self.office.transfer(), 200)
        answer = self.office.transfer(access=before)
        self.stage.expect_answer("but not to tokens from before", answer, 401)

    @step(
        "A stolen token is replayed",
        "Thief and owner hold tokens of one session. No server can tell them apart, so it ends.",
    )
    def stolen_token(self) -> None:
        self.stage.expect_answer("the owner suspects nothing", self.laptop.renew(), 200)
        self._expect_recognised(self.laptop)
        answer = self.stage.ask("Thief", refresh_request(self.stolen, user_agent="Thief"))
        self.stage.expect_answer("the thief gets nothing", answer, 401, code="session_revoked")
        self.stage.expect_answer(
            "the owner is out too, and can simply sign in again; the thief cannot",
            self.laptop.call(),
            401,
            code="session_revoked",
        )

    @step(
        "Staff revoke the other device",
        "They do it in the Django admin. The device's very next call is refused.",
    )
    def staff_revoke(self) -> None:
        staff = Browser("Staff", self.stage)
        answer = staff.submit("/admin/login/", username=self.staff, password=self.password)
        self.stage.expect_answer("staff are in the admin", answer, 302)
        # With a new access token, so that nothing but the revocation can end it.
        self.stage.expect_answer("the office PC is signed in", self.office.renew(), 200)
        self._expect_recognised(self.office)
        session = self.office.session["id"]
        answer = staff.submit(f"/admin/refresh_sessions/devicesession/{session}/revoke/")
        self.stage.expect_answer("staff have ended its session", answer, 302)
        answer = self.office.call()
        self.stage.expect_answer("signed out at once", answer, 401, code="session_revoked")
        self.stage.expect_answer("the phone still is signed in", self.phone.renew(), 200)

    @step(
        "The hard deadline passes",
        "A policy of this project: on shared computers it comes after "
        f"{lifetimes.SHARED_COMPUTER_SESSION.seconds} seconds. No refresh moves it.",
    )
    def hard_deadline(self) -> None:
        library = Device(name="Library PC", stage=self.stage)
        session = self._sign_in(library, shared_computer=True)["session"]
        deadline = session["expires_at"]
        self.stage.expect_answer("a refresh works", library.renew(), 200)
        details = library.call_request(f"/auth/sessions/{session['id']}/")
        answer = self.stage.ask(library.name, details)
        self.stage.expect_answer("the deadline is where it was", answer, 200, expires_at=deadline)
        self.stage.wait_until(moment(deadline), "the deadline has passed")
        answer = self.stage.ask_until(library.name, library.refresh_request(), status=403)
        self.stage.expect_answer(
            "the session is over",
            answer,
            403,
            detail="This session has expired. Please sign in again.",
            code="session_expired",
            reason="absolute",
        )

    def _sign_in(self, device: Device, **more: Any) -> dict[str, Any]:
        answer = device.sign_in(username=self.person, password=self.password, **more)
        self.stage.expect_answer("signed in", answer, 200)
        return answer.json

    def _expect_recognised(self, device: Device) -> None:
        self.stage.expect_answer(
            f"the API knows {self.person} on this device",
            device.call(),
            200,
            username=self.person,
            session=device.session["id"],
        )

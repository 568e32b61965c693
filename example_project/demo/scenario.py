"""The scenario: what happens to the devices of one user, and the expected answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from example_project.demo import lifetimes
from example_project.demo.clients import Browser, Device, parse_instant, refresh_request
from example_project.demo.runner import Runner, UnmetExpectationError

TABS: Final = tuple(f"Tab {number}" for number in range(1, 6))


class StepFailedError(Exception):
    """A step of the scenario has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step with its heading and explanation."""

    headline: str
    explanation: str
    run: Callable[[Scenario], None]


STEPS: Final[list[Step]] = []

_Run = Callable[["Scenario"], None]


def step(headline: str, explanation: str) -> Callable[[_Run], _Run]:
    """Make a method the next step of the scenario."""

    def add(run: _Run) -> _Run:
        STEPS.append(Step(headline=headline, explanation=explanation, run=run))
        return run

    return add


class Scenario:
    """A user with a laptop, an office computer and a phone; an attacker; staff."""

    def __init__(self, runner: Runner, *, username: str, staff: str, password: str) -> None:
        self.runner = runner
        self.username = username
        self.staff = staff
        self.password = password
        self.laptop = Device(name="Laptop", runner=runner)
        self.office = Device(name="Office PC", runner=runner)
        self.phone = Device(name="Phone", runner=runner)
        self.stolen = ""

    def run(self) -> None:
        """Run all steps.

        Raises:
            StepFailedError: an answer was not as expected; later steps depend on it.

        """
        for number, it in enumerate(STEPS, start=1):
            self.runner.screen.headline(number, it.headline, it.explanation)
            try:
                it.run(self)
            except UnmetExpectationError as error:
                raise StepFailedError(f"Step {number}, {it.headline}: {error}") from None
            except (OSError, HTTPException) as error:
                raise StepFailedError(f"Step {number}, {it.headline}: no answer") from error

    @step(
        "Log in",
        "The password is exchanged for two tokens: a short-lived one for API calls, and a "
        "longer-lived one for a refresh.",
    )
    def log_in(self) -> None:
        body = self._log_in(self.laptop)
        self.runner.expect(
            "two tokens, and the session they belong to",
            expected=["access", "access_expires_at", "refresh", "refresh_expires_at", "session"],
            got=sorted(body),
        )
        # An attacker copies the token, and presents it in a later step.
        self.stolen = self.laptop.refresh

    @step(
        "Call the API",
        "The access token identifies the user and the device session.",
    )
    def call(self) -> None:
        self._expect_authenticated(self.laptop)

    @step(
        "The access token expires",
        f"It lasts {lifetimes.ACCESS_TOKEN.seconds} seconds here, and 15 minutes by default.",
    )
    def access_token_expires(self) -> None:
        expiry = parse_instant(self.laptop.access_expires_at)
        self.runner.wait_until(expiry, "the access token has expired")
        answer = self.runner.send_until(self.laptop.name, self.laptop.call_request(), status=401)
        self.runner.expect_answer(
            "refused as expired: the client refreshes",
            answer,
            401,
            code="token_not_valid",
            reason="token_expired",
        )

    @step(
        "Refresh",
        "The refresh token is exchanged for a new token pair. Each refresh token is used once.",
    )
    def refresh(self) -> None:
        used = self.laptop.refresh
        self.runner.expect_answer("new tokens without a password", self.laptop.renew(), 200)
        self.runner.expect("another refresh token", expected=True, got=self.laptop.refresh != used)
        self._expect_authenticated(self.laptop)

    @step(
        "Five tabs refresh at once",
        "They share one token. One tab gets the successor, and all tabs stay logged in.",
    )
    def five_tabs(self) -> None:
        self._log_in(self.office)
        answers = self.runner.send_at_once(TABS, [self.office.refresh_request() for _ in TABS])
        self.runner.expect(
            "an access token for every tab",
            expected=[(200, True)] * len(TABS),
            got=[(answer.status, "access" in answer.json) for answer in answers],
        )
        self.runner.expect(
            "one new refresh token, for the shared storage of the tabs",
            expected=1,
            got=sum("refresh" in answer.json for answer in answers),
        )
        for answer in answers:
            self.office.store(answer)
        calls = [self.office.call_request(access=answer.json["access"]) for answer in answers]
        self.runner.expect(
            "every tab is still logged in",
            expected=[200] * len(TABS),
            got=[answer.status for answer in self.runner.send_at_once(TABS, calls)],
        )

    @step(
        "The response gets lost",
        "The new token was not used yet, so a retry with the token before it is accepted.",
    )
    def lost_response(self) -> None:
        self._log_in(self.phone)
        self.runner.send_and_lose_answer(self.phone.name, self.phone.refresh_request())
        # Within the overlap the phone would count as a sibling and get an access token only.
        self.runner.wait(lifetimes.ROTATION_OVERLAP, "the phone retries")
        presented = self.phone.refresh
        self.runner.expect_answer("the same token, accepted again", self.phone.renew(), 200)
        self.runner.expect("and replaced now", expected=True, got=self.phone.refresh != presented)
        self._expect_authenticated(self.phone)

    @step(
        "A sensitive action",
        f"A re-authentication is valid for {lifetimes.REAUTHENTICATION.seconds} seconds here, "
        "and 5 minutes by default.",
    )
    def sensitive_action(self) -> None:
        too_old = parse_instant(self.office.session["created_at"]) + lifetimes.REAUTHENTICATION
        self.runner.wait_until(too_old, "the login is too old for the action")
        self.runner.expect_answer("the office PC is logged in", self.office.renew(), 200)
        before, answer = self.office.access, self.office.transfer()
        self.runner.expect_answer(
            "the authentication is too old", answer, 401, code="reauthentication_required"
        )
        answer = self.office.reauthenticate(password=self.password)
        self.runner.expect_answer("the user re-authenticates", answer, 200)
        self.runner.expect_answer("and the action is allowed", self.office.transfer(), 200)
        answer = self.office.transfer(access=before)
        self.runner.expect_answer("but not with an earlier access token", answer, 401)

    @step(
        "A stolen token is reused",
        "Attacker and owner have tokens of one session. The server cannot distinguish them, so it "
        "revokes the session.",
    )
    def stolen_token(self) -> None:
        self.runner.expect_answer("the owner refreshes as usual", self.laptop.renew(), 200)
        self._expect_authenticated(self.laptop)
        answer = self.runner.send("Attacker", refresh_request(self.stolen, user_agent="Attacker"))
        self.runner.expect_answer("the attacker is refused", answer, 401, code="session_revoked")
        self.runner.expect_answer(
            "the owner is logged out too, and can log in again; the attacker cannot",
            self.laptop.call(),
            401,
            code="session_revoked",
        )

    @step(
        "Staff revoke another session",
        "They use the Django admin. The next call of the device is refused.",
    )
    def staff_revoke(self) -> None:
        staff = Browser("Staff", self.runner)
        answer = staff.submit("/admin/login/", username=self.staff, password=self.password)
        self.runner.expect_answer("staff are logged in to the admin", answer, 302)
        # A new access token, so that only the revocation can be the reason of a refusal.
        self.runner.expect_answer("the office PC is logged in", self.office.renew(), 200)
        self._expect_authenticated(self.office)
        session = self.office.session["id"]
        answer = staff.submit(f"/admin/refresh_sessions/devicesession/{session}/revoke/")
        self.runner.expect_answer("staff have revoked its session", answer, 302)
        answer = self.office.call()
        self.runner.expect_answer("refused at once", answer, 401, code="session_revoked")
        self.runner.expect_answer("the phone is still logged in", self.phone.renew(), 200)

    @step(
        "The hard deadline passes",
        "The policy of this project sets it "
        f"{lifetimes.SHARED_COMPUTER_SESSION.seconds} seconds after the login on shared "
        "computers. No refresh moves it.",
    )
    def hard_deadline(self) -> None:
        library = Device(name="Library PC", runner=self.runner)
        session = self._log_in(library, shared_computer=True)["session"]
        deadline = session["expires_at"]
        self.runner.expect_answer("a refresh works", library.renew(), 200)
        details = library.call_request(f"/auth/sessions/{session['id']}/")
        answer = self.runner.send(library.name, details)
        self.runner.expect_answer("the deadline is unchanged", answer, 200, expires_at=deadline)
        self.runner.wait_until(parse_instant(deadline), "the deadline has passed")
        answer = self.runner.send_until(library.name, library.refresh_request(), status=403)
        self.runner.expect_answer(
            "the session has expired",
            answer,
            403,
            detail="This session has expired. Please sign in again.",
            code="session_expired",
            reason="absolute",
        )

    def _log_in(self, device: Device, **more: Any) -> dict[str, Any]:
        answer = device.log_in(username=self.username, password=self.password, **more)
        self.runner.expect_answer("logged in", answer, 200)
        return answer.json

    def _expect_authenticated(self, device: Device) -> None:
        self.runner.expect_answer(
            f"the API authenticates {self.username} on this device",
            device.call(),
            200,
            username=self.username,
            session=device.session["id"],
        )

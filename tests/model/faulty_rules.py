"""Variants of the rule: rules of other servers, and ours without one of its parts.

For each variant the tests name the properties that fail. They show the purpose of each part, and
that the search can fail.
"""

from __future__ import annotations

from dataclasses import replace

from tests.model.reference import (
    DEFAULT_PRESENTER,
    OLD,
    Answer,
    Child,
    Confirm,
    Family,
    Presenter,
    Reauthentication,
    Reply,
    Rule,
)

# --- rules of other servers


class SharedSuccessor(Rule):
    """Within the overlap the token before gets the newest refresh token, for any client."""

    def _judge_sibling(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return Answer.SUCCESSOR


class OneBehind(SharedSuccessor):
    """The token before gets the newest refresh token at any time (Supabase's second version)."""

    def _judge_used(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return Answer.SUCCESSOR if token == family.redeemable else Answer.REUSED


class EveryToken(Rule):
    """A refresh token is valid until it expires, whatever the number of uses (simplejwt)."""

    def judge(
        self, token: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Answer:
        return Answer.ROTATED

    def _issue(self, answer, token, family, presenter, *, opens=False) -> Reply:
        return super()._issue(answer, family.newest, family, presenter, opens=opens)


# --- overlap and companion


class SuccessorForAnyRotation(Rule):
    """A client with the companion gets the successor even if the rotation lacked the companion."""

    def _judge_sibling(self, token: int, family: Family, presenter: Presenter) -> Answer:
        shown = family._replace(companion_shown=family.companion_shown or presenter.companion)
        return super()._judge_sibling(token, shown, presenter)


class CompanionLoses(Rule):
    """Within the overlap, a rotation without the companion is kept."""

    def _companion_wins(self, token: int, family: Family, presenter: Presenter) -> bool:
        return False


class AnswersWhoLacksTheCompanion(Rule):
    """A client without the companion gets an access token in the overlap of a rotation with it."""

    def _judge_sibling(self, token: int, family: Family, presenter: Presenter) -> Answer:
        shown = family._replace(companion_shown=family.companion_shown and presenter.companion)
        return super()._judge_sibling(token, shown, presenter)


# --- recovery


class IgnoresDelivery(Rule):
    """The token before is accepted although its successor was seen in use."""

    def _judge_used(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return super()._judge_used(token, family._replace(delivered=False), presenter)


class EndlessRecovery(Rule):
    """Any number of consecutive recoveries is accepted."""

    def _recover(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return super()._recover(token, family._replace(recoveries=0, by_others=0), presenter)


class RecoveryForOthers(Rule):
    """Clients that do not resemble the last one have no limit of their own."""

    def _recover(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return super()._recover(token, family._replace(by_others=0), presenter)


class CallsResetTheCount(Rule):
    """A call with the new access token resets the count of recoveries."""

    def call(self, access: int, family: Family) -> Family:
        after = super().call(access, family)
        return after._replace(recoveries=0, by_others=0) if after.delivered else after


class IgnoresAnsweredSiblings(Rule):
    """After ACCESS_ONLY, evidence of delivery invalidates the token of the sibling."""

    def _record_sibling(self, token: int, family: Family, presenter: Presenter) -> Family:
        return family


class TrustsAnySibling(Rule):
    """After ACCESS_ONLY, no evidence invalidates the token before, for any client."""

    def _resembles_sibling(self, family: Family, presenter: Presenter) -> bool:
        return True


class AnyCallIsEvidence(Rule):
    """Any accepted access token is evidence of delivery."""

    def call(self, access: int, family: Family) -> Family:
        return super().call(family.newest, family._replace(age=OLD))


# --- a database that loses writes


class RejectsOldSiblings(Rule):
    """After a rotation that skips the overlap, siblings may hold only the token before."""

    def _tolerated(self, answer: Answer, redeemable: int, family: Family) -> int | None:
        return None


class IgnoresLateAnswers(Rule):
    """After such a rotation, answers in transit are not taken into account."""

    def _expects_late_answer(self, answer: Answer, family: Family, *, opens: bool) -> bool:
        return False


# --- opened families


class OpensWithAccess(Rule):
    """An access token with a re-authentication opens a family."""

    def open_family(self, token, family, presenter, *, reauthenticated) -> Reply:
        token = family.newest if token is None else token
        return super().open_family(token, family, presenter, reauthenticated=reauthenticated)


class OpensWithUsedTokens(Rule):
    """Any token that still gets an answer opens a family."""

    def open_family(self, token, family, presenter, *, reauthenticated) -> Reply:
        token = family.newest if token == family.redeemable else token
        return super().open_family(token, family, presenter, reauthenticated=reauthenticated)


class KeepsOpenedFamilies(Rule):
    """The opened family remains open after another rotation of its parent."""

    def _child_after(self, answer: Answer, family: Family, presenter: Presenter) -> Child:
        opened = family.child in {Child.NEW, Child.USED}
        return Child.KEPT if opened else family.child


class KeepsUsedFamilies(KeepsOpenedFamilies):
    """The opened family remains open if it was used."""

    def _recover(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return super()._recover(token, family._replace(child=Child.NONE), presenter)

    def _child_after(self, answer: Answer, family: Family, presenter: Presenter) -> Child:
        if family.child is Child.USED:
            return Child.KEPT
        return Rule._child_after(self, answer, family, presenter)


class ClosesAllFamilies(Rule):
    """A recovery closes the opened family, also for the client that opened it."""

    def _same_opener(self, family: Family, presenter: Presenter) -> bool:
        return False


# --- re-authentication


class RotatesInTheOverlap(Rule):
    """A re-authentication with the newest access token rotates within the overlap too."""

    def step_up(
        self, access: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Reply:
        return super().step_up(access, family._replace(age=OLD), presenter)


class RotatesForSiblings(Rule):
    """A re-authentication rotates for the access token before the newest too."""

    def step_up(
        self, access: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Reply:
        return super().step_up(family.newest, family, presenter)


class CarriedToSiblings(Rule):
    """The last re-authentication is passed on to every client that refreshes."""

    def carries(self, reply: Reply, reauthentication: Reauthentication) -> bool:
        return reply.access is not None and reauthentication is not Reauthentication.NONE


# --- revoked sessions


class IgnoresReuseOfRevoked(Rule):
    """A token of a revoked session is not evaluated."""

    def judge(
        self, token: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Answer:
        return Answer.REVOKED if family.revoked else super().judge(token, family, presenter)


class LogoutIsNoEvidence(Rule):
    """A logout with the newest token is no evidence of delivery."""

    def log_out(
        self, token: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Reply:
        reply = super().log_out(token, family, presenter)
        return reply._replace(family=reply.family._replace(delivered=family.delivered))


class LogoutWithoutJudgement(Rule):
    """A logout succeeds with every token."""

    def log_out(
        self, token: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Reply:
        return Reply(Answer.REVOKED, family._replace(revoked=True))


def at_once(rule: Rule) -> Rule:
    """Return the rule with calls as evidence at any age of the generation."""
    return replace(rule, confirm=Confirm.AT_ONCE)

"""Rules that others ship, or that ours would be without one of its parts.

Each is here for what the search finds against it: so a reader sees what every part is for, and
the search has shown that it can fail.
"""

from __future__ import annotations

from dataclasses import replace

from tests.model.reference import (
    NOBODY,
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

# --- rules of others


class SharedSuccessor(Rule):
    """Inside the overlap, whoever sends the token before is given the newest one as well."""

    def _judge_sibling(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return Answer.SUCCESSOR


class OneBehind(SharedSuccessor):
    """The same, and not only inside the overlap but for ever (Supabase's second version)."""

    def _judge_used(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return Answer.SUCCESSOR if token == family.redeemable else Answer.REUSED


class EveryToken(Rule):
    """A refresh token is good until it expires, however often it is used (simplejwt)."""

    def judge(self, token: int, family: Family, presenter: Presenter = NOBODY) -> Answer:
        return Answer.ROTATED

    def _mint(self, answer, token, family, presenter, *, opens=False) -> Reply:
        return super()._mint(answer, family.newest, family, presenter, opens=opens)


# --- the overlap and the companion


class SuccessorForAnyRotation(Rule):
    """Who shows the companion gets the successor, also of a rotation that lacked it."""

    def _judge_sibling(self, token: int, family: Family, presenter: Presenter) -> Answer:
        shown = family._replace(shown=family.shown or presenter.companion)
        return super()._judge_sibling(token, shown, presenter)


class CompanionLoses(Rule):
    """Within the overlap, a rotation without the companion stands."""

    def _companion_wins(self, token: int, family: Family, presenter: Presenter) -> bool:
        return False


class AnswersWhoLacksTheCompanion(Rule):
    """Who lacks the companion gets an access token in the overlap of who showed it."""

    def _judge_sibling(self, token: int, family: Family, presenter: Presenter) -> Answer:
        shown = family._replace(shown=family.shown and presenter.companion)
        return super()._judge_sibling(token, shown, presenter)


# --- recovery


class IgnoresDelivery(Rule):
    """The token before is honoured although its successor was seen in use."""

    def _judge_used(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return super()._judge_used(token, family._replace(delivered=False), presenter)


class EndlessRecovery(Rule):
    """Any number of answers in a row may get lost."""

    def _recover(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return super()._recover(token, family._replace(recoveries=0, by_others=0), presenter)


class RecoveryForOthers(Rule):
    """Of the recoveries in a row, all may be made by clients that do not resemble the last."""

    def _recover(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return super()._recover(token, family._replace(by_others=0), presenter)


class CallsResetTheCount(Rule):
    """A new token that was seen in use starts the count of lost answers anew."""

    def call(self, access: int, family: Family) -> Family:
        after = super().call(access, family)
        return after._replace(recoveries=0, by_others=0) if after.delivered else after


class ForgivesNobody(Rule):
    """After ACCESS_ONLY, evidence kills the token that was sent."""

    def _forgive(self, token: int, family: Family, presenter: Presenter) -> Family:
        return family


class ForgivesEverybody(Rule):
    """After ACCESS_ONLY, no evidence kills the token, whoever sends it."""

    def _is_kin(self, family: Family, presenter: Presenter) -> bool:
        return True


class GullibleEvidence(Rule):
    """Any access token in use is taken as evidence that the newest refresh token arrived."""

    def call(self, access: int, family: Family) -> Family:
        return super().call(family.newest, family._replace(age=OLD))


# --- a database that forgets


class ToleratesNoSiblings(Rule):
    """After a rotation that skips the overlap, siblings may hold the token before alone."""

    def _tolerated(self, answer: Answer, redeemable: int, family: Family) -> int | None:
        return None


class ForgetsLateAnswers(Rule):
    """After such a rotation, an answer under way is not reckoned with."""

    def _forgives(self, answer: Answer, family: Family, *, opens: bool) -> bool:
        return False


# --- opened families


class OpensWithAccess(Rule):
    """An access token, and a re-authentication that it tells of, open a family."""

    def open_family(self, token, family, presenter, *, reauthenticated) -> Reply:
        token = family.newest if token is None else token
        return super().open_family(token, family, presenter, reauthenticated=reauthenticated)


class OpensWithUsedTokens(Rule):
    """Any token that still gets an answer opens a family."""

    def open_family(self, token, family, presenter, *, reauthenticated) -> Reply:
        token = family.newest if token == family.redeemable else token
        return super().open_family(token, family, presenter, reauthenticated=reauthenticated)


class KeepsOpenedFamilies(Rule):
    """An opened family outlives the rotation that opened it."""

    def _child_after(self, answer: Answer, family: Family, presenter: Presenter) -> Child:
        opened = family.child in {Child.NEW, Child.USED}
        return Child.KEPT if opened else family.child


class KeepsUsedFamilies(KeepsOpenedFamilies):
    """It does if it has been used, and its parent goes on."""

    def _recover(self, token: int, family: Family, presenter: Presenter) -> Answer:
        return super()._recover(token, family._replace(child=Child.NONE), presenter)

    def _child_after(self, answer: Answer, family: Family, presenter: Presenter) -> Child:
        if family.child is Child.USED:
            return Child.KEPT
        return Rule._child_after(self, answer, family, presenter)


class ClosesAllFamilies(Rule):
    """A recovery closes the opened family, also for the client that has opened it."""

    def _same_opener(self, family: Family, presenter: Presenter) -> bool:
        return False


# --- re-authentication


class RotatesInTheOverlap(Rule):
    """A re-authentication with the newest access token rotates, whatever else is under way."""

    def step_up(self, access: int, family: Family, presenter: Presenter = NOBODY) -> Reply:
        return super().step_up(access, family._replace(age=OLD), presenter)


class RotatesForSiblings(Rule):
    """A re-authentication rotates for the access token before the newest as well."""

    def step_up(self, access: int, family: Family, presenter: Presenter = NOBODY) -> Reply:
        return super().step_up(family.newest, family, presenter)


class CarriedToSiblings(Rule):
    """Whoever refreshes is told of the last re-authentication."""

    def carries(self, reply: Reply, reauthentication: Reauthentication) -> bool:
        return reply.access is not None and reauthentication is not Reauthentication.NONE


# --- sessions that are revoked


class RevokedIsRevoked(Rule):
    """A token of a revoked session is not looked at."""

    def judge(self, token: int, family: Family, presenter: Presenter = NOBODY) -> Answer:
        return Answer.REVOKED if family.revoked else super().judge(token, family, presenter)


class SignOutIsNoUse(Rule):
    """Signing out with the newest token is no evidence that it has arrived."""

    def log_out(self, token: int, family: Family, presenter: Presenter = NOBODY) -> Reply:
        reply = super().log_out(token, family, presenter)
        return reply._replace(family=reply.family._replace(delivered=family.delivered))


class SignOutIsNotJudged(Rule):
    """Signing out works with every token."""

    def log_out(self, token: int, family: Family, presenter: Presenter = NOBODY) -> Reply:
        return Reply(Answer.REVOKED, family._replace(revoked=True))


def at_once(rule: Rule) -> Rule:
    """The same, with calls as evidence however young the token is."""
    return replace(rule, confirm=Confirm.AT_ONCE)

"""The rotation rule as a reference, derived from its description and not from ``rotation.py``.

Generations are small integers. Within the overlap, time since the last rotation is counted in
ticks; the caller passes ticks, the end of the overlap and the end of the minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

RECOVERIES: Final = 8
"""Maximum number of consecutive recoveries."""

RECOVERIES_BY_OTHERS: Final = 2
"""Maximum number of these by clients that do not resemble the last one."""


class Presenter(NamedTuple):
    """What a request shows besides its token."""

    companion: bool = False
    resembles: bool = True
    """The network or the user agent is that of the last rotation."""


DEFAULT_PRESENTER: Final = Presenter()
"""A request without the companion that resembles the last one."""


class Answer(Enum):
    """The server's answer to a refresh token; the value describes it in stories."""

    ROTATED = "gives the next token"
    RECOVERED = "takes the successor for lost and gives another"
    AHEAD_OF_DATABASE = "has forgotten this token and gives the one after it"
    RESENT = "gives the same token once more"
    SUCCESSOR = "gives the newest token, as to a sibling"
    ACCESS_ONLY = "gives an access token"
    SUPERSEDED = "says that storage holds a newer one (409)"
    REUSED = "reports reuse and revokes the session"
    RECOVERY_LIMIT = "has had too many lost answers and revokes the session"
    REVOKED = "says that the session is revoked"
    REFUSED = "refuses"

    @property
    def issues_token(self) -> bool:
        """Whether the answer has a new refresh token."""
        return self in _ISSUING


_ISSUING: Final = {Answer.ROTATED, Answer.RECOVERED, Answer.AHEAD_OF_DATABASE}


class Child(Enum):
    """State of the family that was opened last, as its parent family sees it."""

    NONE = "none"
    NEW = "opened by the last rotation, not used"
    USED = "opened by the last rotation, and used"
    KEPT = "opened by a rotation that another one has confirmed"
    CLOSING = "closed less than the overlap ago"
    CLOSED = "closed"


OLD: Final = 99
"""Age of a generation after ``CONFIRM_DELIVERY_AFTER``."""


class Family(NamedTuple):
    """The row of a token family."""

    newest: int = 1
    redeemable: int | None = None
    """The token that the newest one replaced; None before the first refresh."""
    age: int = OLD
    """Ticks since the last rotation; the length of the overlap for all later instants until the
    generation is ``OLD``.
    """
    delivered: bool = False
    """The newest token was seen in use."""
    companion_known: bool = False
    """Any rotation so far was made with the companion."""
    companion_shown: bool = False
    """The last rotation was made with the companion."""
    sibling_answered: bool = False
    """A sibling was answered ACCESS_ONLY since the last rotation and may store its token again."""
    tolerated: int | None = None
    """The oldest token that siblings may hold within the overlap, if older than the redeemable
    one.
    """
    recoveries: int = 0
    by_others: int = 0
    child: Child = Child.NONE
    revoked: bool = False
    reuse_detected: bool = False
    """Reuse was detected."""
    limit_reached: bool = False
    """The session was revoked at the limit of recoveries."""

    @property
    def oldest_usable(self) -> int:
        return self.redeemable or self.newest

    @property
    def oldest_sibling(self) -> int:
        return self.tolerated or self.oldest_usable


class Confirm(Enum):
    """``CONFIRM_DELIVERY_AFTER``: when a call is evidence of delivery."""

    AT_ONCE = "zero"
    AFTER_A_MINUTE = "one minute"
    NEVER = "None"


class Reauthentication(Enum):
    """Time of the last re-authentication relative to the last rotation."""

    NONE = "none"
    CARRIED = "given before it"
    NEWEST = "given by it"
    BESIDE = "given after it, to an access token alone"

    def after(self, answer: Answer) -> Reauthentication:
        """Return the relation after a refresh."""
        if not answer.issues_token:
            return self
        carried = self in {Reauthentication.CARRIED, Reauthentication.NEWEST}
        kept = carried and answer is not Answer.RECOVERED
        return Reauthentication.CARRIED if kept else Reauthentication.NONE


class Reply(NamedTuple):
    """The answer, the row after it, and the tokens in it."""

    answer: Answer
    family: Family
    refresh: int | None = None
    access: int | None = None
    """The generation of the access token."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The rule with its settings; the faulty rules are subclasses."""

    overlap: int = 3
    """``ROTATION_OVERLAP`` in ticks."""
    early: int = 1
    """Number of ticks in which an answer repeats the newest token."""
    recovery: bool = True
    """``LOST_RESPONSE_RECOVERY``."""
    confirm: Confirm = Confirm.AFTER_A_MINUTE
    recoveries: int = RECOVERIES

    # --- time

    def fresh(self, family: Family) -> bool:
        """Whether the overlap has not passed."""
        return family.redeemable is not None and family.age < self.overlap

    def tick(self, family: Family) -> Family:
        """Advance the time within the overlap by one tick."""
        family = family._replace(age=family.age + 1)
        if self.fresh(family):
            return family
        child = Child.CLOSED if family.child is Child.CLOSING else family.child
        return family._replace(tolerated=None, child=child)

    # --- refresh

    def refresh(
        self, token: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Reply:
        """Exchange a refresh token, also of a revoked session."""
        answer = self.judge(token, family, presenter)
        if family.revoked:
            return self._refuse(answer, family)
        if answer.issues_token:
            return self._issue(answer, token, family, presenter)
        if answer in {Answer.RESENT, Answer.SUCCESSOR}:
            return Reply(answer, family, refresh=family.newest, access=family.newest)
        if answer is Answer.ACCESS_ONLY:
            return Reply(answer, self._record_sibling(token, family, presenter), access=token)
        return self._refuse(answer, family)

    def _refuse(self, answer: Answer, family: Family) -> Reply:
        if answer is Answer.REUSED:
            return Reply(answer, family._replace(revoked=True, reuse_detected=True))
        if family.revoked:
            return Reply(Answer.REVOKED, family)
        if answer is Answer.RECOVERY_LIMIT:
            family = family._replace(revoked=True, limit_reached=True)
        return Reply(answer, family)

    def judge(
        self, token: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Answer:
        """Return the answer to a token; a revoked session is judged as if it were not revoked."""
        if token > family.newest:
            return Answer.AHEAD_OF_DATABASE
        if self.fresh(family) and token >= family.oldest_sibling:
            return self._judge_sibling(token, family, presenter)
        if token == family.newest:
            return Answer.ROTATED
        return self._judge_used(token, family, presenter)

    def _judge_sibling(self, token: int, family: Family, presenter: Presenter) -> Answer:
        """Judge a token within the overlap."""
        newest, early = token == family.newest, family.age < self.early
        if presenter.companion and family.companion_shown and early:
            return Answer.RESENT if newest else Answer.SUCCESSOR
        if self._companion_wins(token, family, presenter):
            return self._recover(token, family, presenter)
        if family.companion_shown and not presenter.companion:
            return Answer.SUPERSEDED
        if newest and early:
            return Answer.RESENT
        return Answer.ACCESS_ONLY if newest or token == family.redeemable else Answer.SUPERSEDED

    def _companion_wins(self, token: int, family: Family, presenter: Presenter) -> bool:
        """Whether the last rotation lacked the companion that this client shows."""
        redeemable = token == family.redeemable and self.recovery
        return redeemable and presenter.companion and not family.companion_shown

    def _judge_used(self, token: int, family: Family, presenter: Presenter) -> Answer:
        """Judge a token with a successor, after the overlap."""
        if token != family.redeemable or not self.recovery:
            return Answer.REUSED
        if family.delivered and not (
            family.sibling_answered and self._resembles_sibling(family, presenter)
        ):
            return Answer.REUSED
        return self._recover(token, family, presenter)

    def _recover(self, token: int, family: Family, presenter: Presenter) -> Answer:
        wins = self._companion_wins(token, family, presenter)
        if family.child is Child.USED and not wins and not self._same_opener(family, presenter):
            return Answer.REUSED
        other = not presenter.companion and not presenter.resembles
        many = family.recoveries >= self.recoveries and not wins
        if many or (other and family.by_others >= RECOVERIES_BY_OTHERS):
            return Answer.RECOVERY_LIMIT
        return Answer.RECOVERED

    def _same_opener(self, family: Family, presenter: Presenter) -> bool:
        """Whether the companion identifies the client of the last rotation."""
        return family.companion_shown and presenter.companion

    def _resembles_sibling(self, family: Family, presenter: Presenter) -> bool:
        """Whether the client shows what a sibling of the last client would."""
        return presenter.companion if family.companion_known else presenter.resembles

    def _record_sibling(self, token: int, family: Family, presenter: Presenter) -> Family:
        sibling = token != family.newest and self._resembles_sibling(family, presenter)
        return family._replace(sibling_answered=family.sibling_answered or sibling)

    def _issue(
        self,
        answer: Answer,
        token: int,
        family: Family,
        presenter: Presenter,
        *,
        opens: bool = False,
    ) -> Reply:
        newest = max(token, family.newest) + 1
        recovered = answer is Answer.RECOVERED
        other = recovered and not presenter.companion and not presenter.resembles
        redeemable = family.oldest_usable if recovered else token
        after = Family(
            newest,
            redeemable,
            age=0,
            companion_known=family.companion_known or presenter.companion,
            companion_shown=presenter.companion,
            sibling_answered=self._expects_late_answer(answer, family, opens=opens),
            tolerated=self._tolerated(answer, redeemable, family),
            # Only a rotation of the newest token by its holder shows that answers arrive.
            recoveries=min(family.recoveries + 1, self.recoveries) if recovered else 0,
            by_others=min(family.by_others + other, RECOVERIES_BY_OTHERS) if recovered else 0,
            child=Child.NEW if opens else self._child_after(answer, family, presenter),
        )
        return Reply(answer, after, refresh=newest, access=newest)

    def _expects_late_answer(self, answer: Answer, family: Family, *, opens: bool) -> bool:
        """Whether an answer in transit may overwrite the new token with the one before."""
        return answer is Answer.AHEAD_OF_DATABASE or (opens and self.fresh(family))

    def _tolerated(self, answer: Answer, redeemable: int, family: Family) -> int | None:
        if not self.overlap:
            return None
        if answer is Answer.AHEAD_OF_DATABASE or self.fresh(family):
            oldest = family.oldest_sibling
            return oldest if oldest < redeemable else None
        return None

    # --- opened families, other endpoints

    def _child_after(self, answer: Answer, family: Family, presenter: Presenter) -> Child:
        if family.child not in {Child.NEW, Child.USED}:
            return family.child
        kept = answer is not Answer.RECOVERED or self._same_opener(family, presenter)
        return Child.KEPT if kept else Child.CLOSING

    def open_family(
        self, token: int | None, family: Family, presenter: Presenter, *, reauthenticated: bool
    ) -> Reply:
        """Open a family with the newest refresh token, which is rotated."""
        if token is None:
            return Reply(Answer.REFUSED, family)
        judged = self.judge(token, family, presenter)
        if family.revoked or judged in {Answer.REUSED, Answer.RECOVERY_LIMIT}:
            return self._refuse(judged, family)
        if token != family.newest or not reauthenticated:
            return Reply(Answer.REFUSED, family)
        return self._issue(Answer.ROTATED, token, family, presenter, opens=True)

    def use_child(self, family: Family) -> Reply:
        """Refresh with the first token of the opened family."""
        if family.child is Child.CLOSED:
            return self._refuse(Answer.REUSED, family)
        if family.revoked:
            return Reply(Answer.REVOKED, family)
        if family.child is Child.CLOSING:
            return Reply(Answer.SUPERSEDED, family)
        child = Child.USED if family.child is Child.NEW else family.child
        return Reply(Answer.ROTATED, family._replace(child=child))

    def log_out(
        self, token: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Reply:
        """Revoke the session with a refresh token (``logout/``, ``revoke/``)."""
        judged = self.judge(token, family, presenter)
        if judged is Answer.REUSED or family.revoked:
            return self._refuse(judged, family)
        used = token == family.newest and family.redeemable is not None
        revoked = family._replace(revoked=True, delivered=family.delivered or used)
        return Reply(Answer.REVOKED, revoked)

    def step_up(
        self, access: int, family: Family, presenter: Presenter = DEFAULT_PRESENTER
    ) -> Reply:
        """Re-authenticate with an accepted access token."""
        if access == family.newest and not self.fresh(family):
            reply = self._issue(Answer.ROTATED, access, family, presenter)
            strict = not self.overlap and not self.recovery
            after = reply.family._replace(redeemable=None) if strict else reply.family
            return reply._replace(family=after)
        return Reply(Answer.ACCESS_ONLY, family, access=access)

    def carries(self, reply: Reply, reauthentication: Reauthentication) -> bool:
        """Whether the access token of a refresh has the time of the re-authentication."""
        if reply.answer is Answer.ACCESS_ONLY or reply.access is None:
            return False
        return reauthentication in {Reauthentication.CARRIED, Reauthentication.NEWEST}

    def accepts(self, access: int, family: Family) -> bool:
        """Whether an access token of this generation is accepted."""
        return not family.revoked and access in {family.newest, family.redeemable}

    def call(self, access: int, family: Family) -> Family:
        """Use an accepted access token; the use may be evidence of delivery."""
        if access != family.newest or family.redeemable is None or family.revoked:
            return family
        at_once = self.confirm is Confirm.AT_ONCE
        late = self.confirm is Confirm.AFTER_A_MINUTE and family.age == OLD
        return family._replace(delivered=True) if at_once or late else family

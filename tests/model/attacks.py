"""Transitions of an attacker after one theft."""

from __future__ import annotations

from tests.model.reference import Answer, Presenter, Reauthentication, Reply
from tests.model.state import NONE, Attacker, Scenario, State, Theft, can_open, kind_of
from tests.model.transitions import (
    Event,
    Transitions,
    after_rotation,
    owner_transitions,
    reauthentication_after,
)


def transitions(state: State, scenario: Scenario) -> Transitions:
    """Yield every possible event with the state after it."""
    if state.family.reuse_detected:
        return
    yield from owner_transitions(state, scenario)
    if state.attacker is not None:
        yield from _attacker_acts(state, state.attacker, scenario)
    elif scenario.theft is not None:
        yield from _theft(state, scenario)


def _theft(state: State, scenario: Scenario) -> Transitions:
    if scenario.theft is Theft.ACCESS:
        yield (
            Event("an attacker copies an access token"),
            state._replace(attacker=Attacker((), access=state.access)),
        )
        return
    if scenario.theft is Theft.USED:
        if state.family.redeemable is not None and state.storage == state.family.newest:
            used = Attacker((state.family.redeemable,), access=False)
            yield Event("an attacker finds the token before"), state._replace(attacker=used)
        return
    if state.storage != NONE:
        stored = Attacker((state.storage,), access=state.access)
        yield Event("an attacker copies the storage"), state._replace(attacker=stored)
    for message in state.in_transit:
        if message.tokens:
            copied = Attacker(tuple(sorted(message.tokens)), access=message.current)
            text = "an attacker copies a message with " + kind_of(
                max(message.tokens), state.family
            )
            yield Event(text), state._replace(attacker=copied)


def attacker_presents(state: State, scenario: Scenario) -> Presenter:
    """Return what the attacker's requests show."""
    return Presenter(companion=False, resembles=scenario.alike or state.by_attacker)


def _attacker_acts(state: State, attacker: Attacker, scenario: Scenario) -> Transitions:
    """Requests of the attacker take no time; every token ever received is kept."""
    presenter = attacker_presents(state, scenario)
    if attacker.access:
        called = scenario.rule.call(state.family.newest, state.family)
        if called != state.family:
            yield Event("the attacker calls the API"), state._replace(family=called)
    if scenario.bound:
        # Judged before the rule: the family is not even locked.
        yield Event("the server refuses the attacker, who lacks the key"), state
        return
    for token in attacker.tokens:
        text = f"the attacker sends {kind_of(token, state.family)}"
        reply = scenario.rule.refresh(token, state.family, presenter)
        yield _receive(state, attacker, token, reply, scenario, text)
        if scenario.ends:
            reply = scenario.rule.log_out(token, state.family, presenter)
            yield _receive(state, attacker, token, reply, scenario, f"{text} to sign out")
    if scenario.opens:
        yield from _attacker_opens(state, attacker, scenario, presenter)


def _attacker_opens(
    state: State, attacker: Attacker, scenario: Scenario, presenter: Presenter
) -> Transitions:
    carried = {Reauthentication.CARRIED, Reauthentication.NEWEST}
    fresh = state.reauthentication in carried and not attacker.outdated
    for token in attacker.tokens or ((None,) if attacker.access else ()):
        if state.child or not can_open(state, scenario):
            continue
        reply = scenario.rule.open_family(token, state.family, presenter, reauthenticated=fresh)
        text = "the attacker opens a family"
        if reply.answer.issues_token:
            opener = attacker._replace(child=True)
            yield _receive(state, opener, token or NONE, reply, scenario, text)
    if attacker.child:
        reply = scenario.rule.use_child(state.family)
        text = f"the attacker uses the opened family: the server {reply.answer.value}"
        served = reply.answer.issues_token
        yield Event(text, attacker_served=served), state._replace(family=reply.family)


# Answers after which the row shows the use of the newest token.
_EVIDENT = {Answer.ROTATED, Answer.REVOKED}


def _receive(
    state: State, attacker: Attacker, token: int, reply: Reply, scenario: Scenario, text: str
) -> tuple[Event, State]:
    answer, family, refresh, access = reply
    before = state.family
    if state.inactive and not family.reuse_detected:
        revoked = state._replace(family=before._replace(revoked=True))
        return Event(f"{text}: the account is inactive"), revoked
    tokens = {*attacker.tokens, *(() if refresh is None else (refresh,))}
    attacker = attacker._replace(
        tokens=tuple(sorted(tokens)),
        ahead=attacker.ahead or answer.issues_token,
        served=attacker.served or access is not None,
        used=attacker.used
        or (token == attacker.gained and answer in _EVIDENT and not before.revoked),
        gained=refresh if answer.issues_token and refresh is not None else attacker.gained,
    )
    state = reauthentication_after(
        state._replace(family=family, attacker=attacker), scenario, answer
    )
    carried = scenario.rule.carries(reply, state.reauthentication)
    if answer.issues_token:
        recovered = answer is Answer.RECOVERED
        by_attacker = state.by_attacker if recovered else not scenario.alike
        state = state._replace(by_attacker=by_attacker)
        state = after_rotation(state, scenario, before)
    attacker = state.attacker or attacker
    if access is not None and access == family.newest:
        attacker = attacker._replace(access=True)
    if scenario.steps_up and carried:
        attacker = attacker._replace(reauthenticated=True)
    text = f"{text}: the server {answer.value}"
    return Event(text, attacker_served=access is not None), state._replace(attacker=attacker)

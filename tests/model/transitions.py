"""Transitions of owner, network, server and time. All are possible at any time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.reference import (
    OLD,
    Answer,
    Family,
    Presenter,
    Reauthentication,
    Reply,
)
from tests.model.state import (
    NONE,
    Kind,
    Message,
    Saves,
    Scenario,
    State,
    belongs_to_attacker,
    can_open,
    canonicalize,
    kind_of,
)


class Event(NamedTuple):
    """An event in words, with the facts that the properties use."""

    text: str
    owner_served: bool = False
    attacker_served: bool = False
    time_passes: bool = False


Transitions = Iterator[tuple[Event, State]]


def owner_transitions(state: State, scenario: Scenario) -> Transitions:
    """Yield the transitions of the owner's client, the network and the server."""
    yield from _client_sends(state, scenario)
    for number, message in enumerate(state.in_transit):
        rest = (*state.in_transit[:number], *state.in_transit[number + 1 :])
        yield Event(f"{_name(message, state)} gets lost"), state._replace(in_transit=rest)
        arrives = _answer_arrives if message.answered else request_arrives
        yield from arrives(state._replace(in_transit=rest), scenario, message)
    yield from _client_calls(state, scenario)
    yield from _time_passes(state, scenario)
    if scenario.opens:
        yield from _child_is_used(state, scenario)
    if scenario.ends:
        yield from _ends(state)
    if scenario.crashes and state.family.age != OLD and state.earlier != NONE:
        yield _crash(state)
    if scenario.fails_over and state.before and not state.failed_over and not state.family.revoked:
        yield _failover(state, state.before)


def _name(message: Message, state: State) -> str:
    if not message.answered:
        return f"{message.kind.value} {kind_of(message.sent, state.family)}"
    if message.refresh == NONE:
        return "the answer without a refresh token"
    return f"the answer with {kind_of(message.refresh, state.family)}"


def _client_sends(state: State, scenario: Scenario) -> Transitions:
    if len(state.in_transit) == scenario.tabs or state.storage == NONE:
        return
    if scenario.locks and any(m.kind is Kind.OPEN for m in state.in_transit):
        return
    kinds = [Kind.REFRESH]
    # A client with a new token has a new access token, which is valid for more than a minute.
    if scenario.crashes and state.storage == state.family.newest:
        young = state.family.age != OLD and not scenario.rule.fresh(state.family)
        kinds = [] if young else kinds
    if scenario.ends:
        kinds.append(Kind.SIGN_OUT)
    free = not (scenario.locks and state.in_transit)
    if (
        scenario.opens
        and free
        and can_open(state, scenario)
        and state.storage == state.family.newest
    ):
        kinds.append(Kind.OPEN)
    if scenario.steps_up:
        kinds.append(Kind.STEP_UP)
    for kind in kinds:
        sent = _best_access(state) if kind is Kind.STEP_UP else state.storage
        event = Event(f"a tab sends {kind.value} {kind_of(sent, state.family)}")
        yield event, state._replace(in_transit=_ordered(*state.in_transit, Message(kind, sent)))


def owner(state: State, scenario: Scenario) -> Presenter:
    """Return what the owner's requests show. The key distinguishes clients as the companion."""
    return Presenter(scenario.companion or scenario.bound, not state.by_attacker)


def request_arrives(state: State, scenario: Scenario, request: Message) -> Transitions:
    """Yield the server's handling of a request of the owner."""
    text = f"the server gets {kind_of(request.sent, state.family)}"
    before, rule = state.family, scenario.rule
    if request.kind is Kind.SIGN_OUT:
        family = rule.log_out(request.sent, before, owner(state, scenario)).family
        text = f"{text} to sign out"
        yield (
            Event(f"{text}: reuse" if family.reuse_detected else text),
            state._replace(family=family),
        )
        return
    if request.kind is Kind.STEP_UP:
        if not rule.accepts(request.sent, before):
            yield Event("the server refuses the re-authentication"), state
            return
        state = state._replace(family=rule.call(request.sent, before))
    reply = _judged(state, scenario, request)
    # Two rotations within a minute: see ``Scenario.crashes``.
    if scenario.crashes and reply.answer is Answer.ROTATED and before.age != OLD:
        return
    if state.inactive and not reply.family.reuse_detected:
        revoked = before._replace(revoked=True)
        yield Event(f"{text}: the account is inactive"), state._replace(family=revoked)
        return
    event = Event(f"{text}: it {reply.answer.value}")
    yield (
        event,
        _answered(_reauthenticated(state, scenario, request, reply), scenario, request, reply),
    )


def _judged(state: State, scenario: Scenario, request: Message) -> Reply:
    presenter = owner(state, scenario)
    if request.kind is Kind.STEP_UP:
        return scenario.rule.step_up(request.sent, state.family, presenter)
    if request.kind is Kind.OPEN:
        return scenario.rule.open_family(
            request.sent, state.family, presenter, reauthenticated=True
        )
    return scenario.rule.refresh(request.sent, state.family, presenter)


def _reauthenticated(state: State, scenario: Scenario, request: Message, reply: Reply) -> State:
    if request.kind is not Kind.STEP_UP:
        return reauthentication_after(state, scenario, reply.answer)
    attacker = state.attacker and state.attacker._replace(outdated=True, reauthenticated=False)
    newest = reply.answer.issues_token
    given = Reauthentication.NEWEST if newest else Reauthentication.BESIDE
    return state._replace(attacker=attacker, reauthentication=given)


def reauthentication_after(state: State, scenario: Scenario, answer: Answer) -> State:
    """Return the state after an answer, if the scenario uses re-authentication."""
    if scenario.steps_up or scenario.opens:
        return state._replace(reauthentication=state.reauthentication.after(answer))
    return state


def _answered(state: State, scenario: Scenario, request: Message, reply: Reply) -> State:
    before = state.family
    new: tuple[Message, ...] = ()
    # An error does not change the client's storage, so its delivery is left out.
    if reply.access is not None and not request.orphan:
        refresh = NONE if reply.refresh is None else reply.refresh
        current, new_token = reply.access == reply.family.newest, reply.answer.issues_token
        answer = request._replace(
            answered=True, refresh=refresh, current=current, new_token=new_token
        )
        new = (answer,)
    state = state._replace(family=reply.family)
    if request.kind is Kind.OPEN and reply.answer.issues_token:
        state = without_child(state)
    if reply.answer.issues_token:
        # A recovery by a client that does not resemble the last one is not recorded as the last.
        other = state.by_attacker and not scenario.companion and reply.answer is Answer.RECOVERED
        return after_rotation(state._replace(by_attacker=other), scenario, before, *new)
    return state._replace(in_transit=_ordered(*state.in_transit, *new))


def without_child(state: State) -> State:
    """Another family is opened; the former one is no longer modelled."""
    in_transit = tuple(
        m._replace(kind=Kind.REFRESH) if m.kind is Kind.OPEN and m.answered else m
        for m in state.in_transit
    )
    return state._replace(child=False, in_transit=in_transit)


def _without_access(state: State) -> State:
    """Invalidate the access tokens of the newest generation."""
    in_transit = tuple(m._replace(current=False) for m in state.in_transit)
    attacker = state.attacker and state.attacker._replace(access=False)
    return state._replace(access=False, in_transit=in_transit, attacker=attacker)


def after_rotation(state: State, scenario: Scenario, before: Family, *new: Message) -> State:
    """Return the state after a rotation: its tokens are unused, all requests precede it."""
    state = _without_access(state)
    state = state._replace(in_transit=(*state.in_transit, *new))
    if scenario.crashes:
        state = state._replace(earlier=state.storage)
    if scenario.fails_over and not state.failed_over:
        state = state._replace(before=before)
    return canonicalize(state)


def _answer_arrives(state: State, scenario: Scenario, answer: Message) -> Transitions:
    family, storage, attacker = state.family, state.storage, state.attacker
    event = Event(f"{_name(answer, state)} arrives", owner_served=True)
    if answer.refresh != NONE:
        storage = answer.refresh
    elif answer.kind is not Kind.STEP_UP and scenario.saves is not Saves.DOCS:
        storage = answer.sent if scenario.saves is Saves.TYPICAL else NONE
    if answer.current and scenario.prompt:
        family = scenario.rule.call(family.newest, family)
    if answer.current and answer.new_token and attacker is not None:
        attacker = attacker._replace(ahead=False, served=False)
    yield (
        event,
        state._replace(
            family=family,
            storage=storage,
            access=state.access or answer.current,
            attacker=attacker,
            child=state.child or answer.kind is Kind.OPEN,
        ),
    )


def _best_access(state: State) -> int:
    """Without a newer access token the client has the one before."""
    return state.family.newest if state.access or state.storage == NONE else state.storage


def _client_calls(state: State, scenario: Scenario) -> Transitions:
    """Yield only calls that change the row."""
    if state.access and not state.inactive:
        called = scenario.rule.call(state.family.newest, state.family)
        if called != state.family:
            yield Event("the client calls the API"), state._replace(family=called)


def _child_is_used(state: State, scenario: Scenario) -> Transitions:
    if state.child and not belongs_to_attacker(state):
        reply = scenario.rule.use_child(state.family)
        if reply.family != state.family:
            text = f"the opened family is refreshed: the server {reply.answer.value}"
            yield Event(text, owner_served=True), state._replace(family=reply.family)


def _ends(state: State) -> Transitions:
    text = "the account is activated" if state.inactive else "the account is deactivated"
    if not state.family.revoked:
        revoked = state._replace(family=state.family._replace(revoked=True))
        yield Event("the session is revoked elsewhere"), revoked
        yield Event(text), state._replace(inactive=not state.inactive)


def _crash(state: State) -> tuple[Event, State]:
    in_transit = [m._replace(orphan=True) for m in state.in_transit if not m.answered]
    after = state._replace(storage=state.earlier, access=False, in_transit=_ordered(*in_transit))
    return Event("the client crashes and loses what it stored last"), after


def _failover(state: State, family: Family) -> tuple[Event, State]:
    lost = _without_access(state)._replace(family=family, before=None, failed_over=True)
    return Event("the database loses its last rotation"), canonicalize(lost)


def _time_passes(state: State, scenario: Scenario) -> Transitions:
    family, in_transit, rule = state.family, state.in_transit, scenario.rule
    if rule.fresh(family):
        late = scenario.slowest is not None and any(m.age >= scenario.slowest for m in in_transit)
        ends = family.age + 1 == rule.overlap
        if not late and not (ends and scenario.rushes and in_transit):
            if scenario.slowest is not None:
                in_transit = _ordered(*(m._replace(age=m.age + 1) for m in in_transit))
            text = "the overlap passes" if ends else "a part of the overlap passes"
            after = state._replace(family=rule.tick(family), in_transit=in_transit)
            yield Event(text, time_passes=True), after
    elif family.age != OLD and not (in_transit and scenario.slowest is not None):
        after = state._replace(family=family._replace(age=OLD))
        yield Event("a minute passes", time_passes=True), after


def _ordered(*messages: Message) -> tuple[Message, ...]:
    return tuple(sorted(messages))

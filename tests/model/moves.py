"""What may happen next in a world. Nothing is likely or unlikely: all of it happens somewhere."""

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
from tests.model.world import (
    NONE,
    Kind,
    Message,
    Saves,
    Scene,
    World,
    belongs_to_attacker,
    can_open,
    kind_of,
    settle,
)


class Event(NamedTuple):
    """One thing that happens, in words, and what it means for the properties."""

    text: str
    owner_served: bool = False
    attacker_served: bool = False
    time_passes: bool = False


Moves = Iterator[tuple[Event, World]]


def honest_moves(world: World, scene: Scene) -> Moves:
    """What the owner's client, the network and the server do."""
    yield from _client_sends(world, scene)
    for number, message in enumerate(world.flight):
        rest = (*world.flight[:number], *world.flight[number + 1 :])
        yield Event(f"{_name(message, world)} gets lost"), world._replace(flight=rest)
        arrives = _answer_arrives if message.answered else request_arrives
        yield from arrives(world._replace(flight=rest), scene, message)
    yield from _client_calls(world, scene)
    yield from _time_passes(world, scene)
    if scene.opens:
        yield from _child_is_used(world, scene)
    if scene.ends:
        yield from _ends(world)
    if scene.crashes and world.family.age != OLD and world.earlier != NONE:
        yield _crash(world)
    if scene.fails_over and world.before and not world.failed_over and not world.family.revoked:
        yield _failover(world, world.before)


def _name(message: Message, world: World) -> str:
    if not message.answered:
        return f"{message.kind.value} {kind_of(message.sent, world.family)}"
    if message.refresh == NONE:
        return "the answer without a refresh token"
    return f"the answer with {kind_of(message.refresh, world.family)}"


def _client_sends(world: World, scene: Scene) -> Moves:
    if len(world.flight) == scene.tabs or world.storage == NONE:
        return
    if scene.locks and any(m.kind is Kind.OPEN for m in world.flight):
        return
    kinds = [Kind.REFRESH]
    # Who holds a new token has a new access token as well, which lasts for longer than a minute.
    if scene.crashes and world.storage == world.family.newest:
        young = world.family.age != OLD and not scene.rule.fresh(world.family)
        kinds = [] if young else kinds
    if scene.ends:
        kinds.append(Kind.SIGN_OUT)
    free = not (scene.locks and world.flight)
    if scene.opens and free and can_open(world, scene) and world.storage == world.family.newest:
        kinds.append(Kind.OPEN)
    if scene.steps_up:
        kinds.append(Kind.STEP_UP)
    for kind in kinds:
        sent = _best_access(world) if kind is Kind.STEP_UP else world.storage
        event = Event(f"a tab sends {kind.value} {kind_of(sent, world.family)}")
        yield event, world._replace(flight=_ordered(*world.flight, Message(kind, sent)))


def owner(world: World, scene: Scene) -> Presenter:
    """What the owner's requests show."""
    return Presenter(scene.companion, not world.by_attacker)


def request_arrives(world: World, scene: Scene, request: Message) -> Moves:
    """The server judges a request of the owner."""
    told = f"the server gets {kind_of(request.sent, world.family)}"
    before, rule = world.family, scene.rule
    if request.kind is Kind.SIGN_OUT:
        family = rule.log_out(request.sent, before, owner(world, scene)).family
        told = f"{told} to sign out"
        yield Event(f"{told}: reuse" if family.alarm else told), world._replace(family=family)
        return
    if request.kind is Kind.STEP_UP:
        if not rule.accepts(request.sent, before):
            yield Event("the server refuses the re-authentication"), world
            return
        world = world._replace(family=rule.call(request.sent, before))
    reply = _judged(world, scene, request)
    # Two rotations within a minute: see ``Scene.crashes``.
    if scene.crashes and reply.answer is Answer.ROTATED and before.age != OLD:
        return
    if world.inactive and not reply.family.alarm:
        revoked = before._replace(revoked=True)
        yield Event(f"{told}: the account is inactive"), world._replace(family=revoked)
        return
    event = Event(f"{told}: it {reply.answer.value}")
    yield event, _answered(_reauthenticated(world, scene, request, reply), scene, request, reply)


def _judged(world: World, scene: Scene, request: Message) -> Reply:
    presenter = owner(world, scene)
    if request.kind is Kind.STEP_UP:
        return scene.rule.step_up(request.sent, world.family, presenter)
    if request.kind is Kind.OPEN:
        return scene.rule.open_family(request.sent, world.family, presenter, reauthenticated=True)
    return scene.rule.refresh(request.sent, world.family, presenter)


def _reauthenticated(world: World, scene: Scene, request: Message, reply: Reply) -> World:
    if request.kind is not Kind.STEP_UP:
        return reauthentication_after(world, scene, reply.answer)
    attacker = world.attacker and world.attacker._replace(outdated=True, reauthenticated=False)
    newest = reply.answer.issues_token
    given = Reauthentication.NEWEST if newest else Reauthentication.BESIDE
    return world._replace(attacker=attacker, reauthentication=given)


def reauthentication_after(world: World, scene: Scene, answer: Answer) -> World:
    """Where anybody asks for it."""
    if scene.steps_up or scene.opens:
        return world._replace(reauthentication=world.reauthentication.after(answer))
    return world


def _answered(world: World, scene: Scene, request: Message, reply: Reply) -> World:
    before = world.family
    new: tuple[Message, ...] = ()
    # An error changes nothing in the client's storage, so its way back is left out.
    if reply.access is not None and not request.orphan:
        refresh = NONE if reply.refresh is None else reply.refresh
        current, minting = reply.access == reply.family.newest, reply.answer.issues_token
        answer = request._replace(answered=True, refresh=refresh, current=current, minted=minting)
        new = (answer,)
    world = world._replace(family=reply.family)
    if request.kind is Kind.OPEN and reply.answer.issues_token:
        world = without_child(world)
    if reply.answer.issues_token:
        # A recovery by another client than the last does not make it the last.
        other = world.by_attacker and not scene.companion and reply.answer is Answer.RECOVERED
        return minted(world._replace(by_attacker=other), scene, before, *new)
    return world._replace(flight=_ordered(*world.flight, *new))


def without_child(world: World) -> World:
    """Another family is opened: the one before is of no interest any more."""
    flight = tuple(
        m._replace(kind=Kind.REFRESH) if m.kind is Kind.OPEN and m.answered else m
        for m in world.flight
    )
    return world._replace(child=False, flight=flight)


def _without_access(world: World) -> World:
    """Nobody has an access token of the newest generation."""
    flight = tuple(m._replace(current=False) for m in world.flight)
    attacker = world.attacker and world.attacker._replace(access=False)
    return world._replace(access=False, flight=flight, attacker=attacker)


def minted(world: World, scene: Scene, before: Family, *new: Message) -> World:
    """After a rotation: nobody has used the newest token, all requests are from before it."""
    world = _without_access(world)
    world = world._replace(flight=(*world.flight, *new))
    if scene.crashes:
        world = world._replace(earlier=world.storage)
    if scene.fails_over and not world.failed_over:
        world = world._replace(before=before)
    return settle(world)


def _answer_arrives(world: World, scene: Scene, answer: Message) -> Moves:
    family, storage, attacker = world.family, world.storage, world.attacker
    event = Event(f"{_name(answer, world)} arrives", owner_served=True)
    if answer.refresh != NONE:
        storage = answer.refresh
    elif answer.kind is not Kind.STEP_UP and scene.saves is not Saves.DOCS:
        storage = answer.sent if scene.saves is Saves.TYPICAL else NONE
    if answer.current and scene.prompt:
        family = scene.rule.call(family.newest, family)
    if answer.current and answer.minted and attacker is not None:
        attacker = attacker._replace(ahead=False, served=False)
    yield (
        event,
        world._replace(
            family=family,
            storage=storage,
            access=world.access or answer.current,
            attacker=attacker,
            child=world.child or answer.kind is Kind.OPEN,
        ),
    )


def _best_access(world: World) -> int:
    """Who has no newer access token has the one it got before."""
    return world.family.newest if world.access or world.storage == NONE else world.storage


def _client_calls(world: World, scene: Scene) -> Moves:
    """Only calls that leave a trace."""
    if world.access and not world.inactive:
        called = scene.rule.call(world.family.newest, world.family)
        if called != world.family:
            yield Event("the client calls the API"), world._replace(family=called)


def _child_is_used(world: World, scene: Scene) -> Moves:
    if world.child and not belongs_to_attacker(world):
        reply = scene.rule.use_child(world.family)
        if reply.family != world.family:
            told = f"the opened family is refreshed: the server {reply.answer.value}"
            yield Event(told, owner_served=True), world._replace(family=reply.family)


def _ends(world: World) -> Moves:
    told = "the account is activated" if world.inactive else "the account is deactivated"
    if not world.family.revoked:
        revoked = world._replace(family=world.family._replace(revoked=True))
        yield Event("the session is revoked elsewhere"), revoked
        yield Event(told), world._replace(inactive=not world.inactive)


def _crash(world: World) -> tuple[Event, World]:
    flight = [m._replace(orphan=True) for m in world.flight if not m.answered]
    after = world._replace(storage=world.earlier, access=False, flight=_ordered(*flight))
    return Event("the client crashes and loses what it stored last"), after


def _failover(world: World, family: Family) -> tuple[Event, World]:
    lost = _without_access(world)._replace(family=family, before=None, failed_over=True)
    return Event("the database loses its last rotation"), settle(lost)


def _time_passes(world: World, scene: Scene) -> Moves:
    family, flight, rule = world.family, world.flight, scene.rule
    if rule.fresh(family):
        late = scene.slowest is not None and any(m.age >= scene.slowest for m in flight)
        ends = family.age + 1 == rule.overlap
        if not late and not (ends and scene.rushes and flight):
            if scene.slowest is not None:
                flight = _ordered(*(m._replace(age=m.age + 1) for m in flight))
            told = "the overlap passes" if ends else "a part of the overlap passes"
            after = world._replace(family=rule.tick(family), flight=flight)
            yield Event(told, time_passes=True), after
    elif family.age != OLD and not (flight and scene.slowest is not None):
        after = world._replace(family=family._replace(age=OLD))
        yield Event("a minute passes", time_passes=True), after


def _ordered(*messages: Message) -> tuple[Message, ...]:
    return tuple(sorted(messages))

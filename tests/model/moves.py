"""What may happen next in a world. Nothing is likely or unlikely: all of it happens somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.reference import Proof, Reply
from tests.model.world import NONE, Message, Pace, Scene, Thief, World, kind_of, settle


class Event(NamedTuple):
    """One thing that happens, in words, and what it means for the properties."""

    text: str
    victim_served: bool = False
    thief_served: bool = False
    time_passes: bool = False


Moves = Iterator[tuple[Event, World]]


def moves(world: World, scene: Scene) -> Moves:
    """Every event that may come next, with the world after it."""
    if world.family.ended_by is not None:
        return
    yield from _client_sends(world, scene)
    for number, message in enumerate(world.flight):
        rest = (*world.flight[:number], *world.flight[number + 1 :])
        yield Event(f"{_name(message, world)} gets lost"), world._replace(flight=rest)
        arrives = _answer_arrives if message.answered else _request_arrives
        yield arrives(world._replace(flight=rest), scene, message)
    yield from _client_calls(world, scene)
    if scene.steps_up:
        yield from _client_steps_up(world, scene)
    yield from _half_the_overlap_passes(world)
    yield from _overlap_passes(world, scene)
    if world.thief is not None:
        yield from _thief_acts(world, world.thief, scene)
    elif scene.theft:
        yield from _theft(world)


def _name(message: Message, world: World) -> str:
    if message.step_up and not message.answered:
        return "the step-up"
    if not message.answered:
        return f"the request with {kind_of(message.sent, world.family)}"
    if message.refresh == NONE:
        return "the answer without a refresh token"
    return f"the answer with {kind_of(message.refresh, world.family)}"


def _client_sends(world: World, scene: Scene) -> Moves:
    if len(world.flight) == scene.tabs:
        return
    # The answer to the winner takes less than half the overlap, and so does this request: if the
    # one is not there yet, the other will be over in time.
    request = Message(world.storage, hurried=_is_hurried(world, scene))
    event = Event(f"a tab sends {kind_of(world.storage, world.family)}")
    yield event, world._replace(flight=_ordered(*world.flight, request))


def _is_hurried(world: World, scene: Scene) -> bool:
    return scene.pace is Pace.HALF and any(message.minted for message in world.flight)


def _client_steps_up(world: World, scene: Scene) -> Moves:
    if len(world.flight) < scene.tabs:
        hurried = _is_hurried(world, scene)
        request = Message(_best_access(world), hurried=hurried, step_up=True)
        event = Event(f"a tab steps up, having {kind_of(request.sent, world.family)}")
        yield event, world._replace(flight=_ordered(*world.flight, request))


def _step_up_arrives(world: World, scene: Scene, request: Message) -> tuple[Event, World]:
    if not scene.rule.accepts(request.sent, world.family):
        return Event("the server refuses the step-up"), world
    family = scene.rule.call(request.sent, world.family)
    reply = scene.rule.step_up(request.sent, family)
    thief = world.thief and world.thief._replace(outdated=True, fresh=False)
    identity = Proof.NEWEST if reply.answer.mints else Proof.BESIDE
    world = world._replace(family=family, thief=thief, identity=identity)
    return _answered(world, scene, request, reply)


def _request_arrives(world: World, scene: Scene, request: Message) -> tuple[Event, World]:
    if request.step_up:
        return _step_up_arrives(world, scene, request)
    reply = scene.rule.refresh(request.sent, world.family)
    if scene.steps_up:
        world = world._replace(identity=world.identity.after(reply.answer))
    return _answered(world, scene, request, reply)


def _answered(world: World, scene: Scene, request: Message, reply: Reply) -> tuple[Event, World]:
    answer, family, refresh, access = reply
    event = Event(f"the server gets {kind_of(request.sent, world.family)}: it {answer.value}")
    world = world._replace(family=family)
    if access is None:
        # An error changes nothing in the client's storage, so its way back is left out.
        return event, world
    # Sent back in the first half, and under way for less than the other.
    timely = scene.pace is Pace.HALF and refresh is not None and family.early
    message = request._replace(
        answered=True,
        refresh=NONE if refresh is None else refresh,
        access=access,
        minted=answer.mints,
        hurried=request.hurried or timely,
    )
    world = world._replace(flight=_ordered(*world.flight, message))
    return event, _minted(world, scene) if answer.mints else world


def _minted(world: World, scene: Scene) -> World:
    """After a rotation: nobody has used the newest token, all requests are from before it."""
    flight = world.flight
    if world.family.fresh and (scene.pace is Pace.HALF or scene.pace is Pace.WHOLE):
        flight = tuple(message._replace(hurried=True) for message in flight)
    thief = world.thief and world.thief._replace(proof=False)
    return settle(world._replace(proof=False, flight=flight, thief=thief))


def _answer_arrives(world: World, scene: Scene, answer: Message) -> tuple[Event, World]:
    family, storage, thief = world.family, world.storage, world.thief
    event = Event(f"{_name(answer, world)} arrives", victim_served=True)
    if answer.refresh != NONE:
        storage = answer.refresh
    elif scene.writes_back and not answer.step_up:
        storage = answer.sent
    newest = answer.access == family.newest
    if newest and scene.prompt:
        family = scene.rule.call(answer.access, family)
    if newest and answer.minted and thief is not None:
        thief = thief._replace(ahead=False)
    known = world.proof or newest
    return event, world._replace(family=family, storage=storage, proof=known, thief=thief)


def _best_access(world: World) -> int:
    """Who has no newer access token has the one it got before."""
    return world.family.newest if world.proof else world.storage


def _client_calls(world: World, scene: Scene) -> Moves:
    """Only calls that leave a trace."""
    called = scene.rule.call(_best_access(world), world.family)
    if called != world.family:
        yield Event("the client calls the API"), world._replace(family=called)


def _half_the_overlap_passes(world: World) -> Moves:
    if world.family.early:
        later = world.family._replace(early=False)
        yield Event("half the overlap passes", time_passes=True), world._replace(family=later)


def _overlap_passes(world: World, scene: Scene) -> Moves:
    flight = world.flight
    awaited = flight if scene.pace is Pace.RUSHES else [m for m in flight if m.hurried]
    if world.family.fresh and not awaited:
        stale = world.family._replace(fresh=False, early=False)
        yield Event("the overlap passes", time_passes=True), world._replace(family=stale)


def _theft(world: World) -> Moves:
    stored = Thief((world.storage,), proof=world.proof)
    yield Event("a thief copies the storage"), world._replace(thief=stored)
    for message in world.flight:
        if message.tokens:
            tokens = tuple(sorted(message.tokens))
            thief = Thief(tokens, proof=message.access == world.family.newest)
            yield Event(f"a thief copies {_name(message, world)}"), world._replace(thief=thief)


def _thief_acts(world: World, thief: Thief, scene: Scene) -> Moves:
    """His requests take no time: he makes them whenever he likes, and keeps all he ever got."""
    if thief.proof:
        called = scene.rule.call(world.family.newest, world.family)
        if called != world.family:
            yield Event("the thief calls the API"), world._replace(family=called)
    for token in thief.tokens:
        yield _thief_refreshes(world, thief, token, scene)


def _thief_refreshes(world: World, thief: Thief, token: int, scene: Scene) -> tuple[Event, World]:
    answer, family, refresh, access = scene.rule.refresh(token, world.family)
    told = f"the thief sends {kind_of(token, world.family)}: the server {answer.value}"
    tokens = {*thief.tokens, *(() if refresh is None else (refresh,))}
    thief = thief._replace(tokens=tuple(sorted(tokens)), ahead=thief.ahead or answer.mints)
    world = world._replace(family=family, thief=thief)
    if answer.mints:
        world = _minted(world, scene)
    if world.thief is not None and (answer.mints or access == family.newest):
        world = world._replace(thief=world.thief._replace(proof=True))
    if scene.steps_up and world.thief is not None and access is not None:
        identity = world.identity.after(answer)
        vouched = scene.rule.vouches(access, family, identity)
        thief = world.thief._replace(fresh=world.thief.fresh or vouched)
        world = world._replace(identity=identity, thief=thief)
    return Event(told, thief_served=access is not None), world


def _ordered(*messages: Message) -> tuple[Message, ...]:
    return tuple(sorted(messages))

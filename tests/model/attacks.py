"""What an attacker does, who has copied something once."""

from __future__ import annotations

from tests.model.moves import Event, Moves, honest_moves, minted, reauthentication_after
from tests.model.reference import Answer, Presenter, Reauthentication, Reply
from tests.model.world import NONE, Attacker, Scene, Theft, World, can_open, kind_of


def moves(world: World, scene: Scene) -> Moves:
    """Every event that may come next, with the world after it."""
    if world.family.alarm:
        return
    yield from honest_moves(world, scene)
    if world.attacker is not None:
        yield from _attacker_acts(world, world.attacker, scene)
    elif scene.theft is not None:
        yield from _theft(world, scene)


def _theft(world: World, scene: Scene) -> Moves:
    if scene.theft is Theft.ACCESS:
        yield (
            Event("an attacker copies an access token"),
            world._replace(attacker=Attacker((), access=world.access)),
        )
        return
    if scene.theft is Theft.USED:
        if world.family.redeemable is not None and world.storage == world.family.newest:
            used = Attacker((world.family.redeemable,), access=False)
            yield Event("an attacker finds the token before"), world._replace(attacker=used)
        return
    if world.storage != NONE:
        stored = Attacker((world.storage,), access=world.access)
        yield Event("an attacker copies the storage"), world._replace(attacker=stored)
    for message in world.flight:
        if message.tokens:
            copied = Attacker(tuple(sorted(message.tokens)), access=message.current)
            told = "an attacker copies a message with " + kind_of(
                max(message.tokens), world.family
            )
            yield Event(told), world._replace(attacker=copied)


def attacker_presents(world: World, scene: Scene) -> Presenter:
    """What the attacker's requests show."""
    return Presenter(companion=False, resembles=scene.alike or world.by_attacker)


def _attacker_acts(world: World, attacker: Attacker, scene: Scene) -> Moves:
    """His requests take no time: he makes them whenever he likes, and keeps all he ever got."""
    presenter = attacker_presents(world, scene)
    if attacker.access:
        called = scene.rule.call(world.family.newest, world.family)
        if called != world.family:
            yield Event("the attacker calls the API"), world._replace(family=called)
    for token in attacker.tokens:
        told = f"the attacker sends {kind_of(token, world.family)}"
        reply = scene.rule.refresh(token, world.family, presenter)
        yield _gets(world, attacker, token, reply, scene, told)
        if scene.ends:
            reply = scene.rule.log_out(token, world.family, presenter)
            yield _gets(world, attacker, token, reply, scene, f"{told} to sign out")
    if scene.opens:
        yield from _attacker_opens(world, attacker, scene, presenter)


def _attacker_opens(world: World, attacker: Attacker, scene: Scene, presenter: Presenter) -> Moves:
    carried = {Reauthentication.CARRIED, Reauthentication.NEWEST}
    fresh = world.reauthentication in carried and not attacker.outdated
    for token in attacker.tokens or ((None,) if attacker.access else ()):
        if world.child or not can_open(world, scene):
            continue
        reply = scene.rule.open_family(token, world.family, presenter, reauthenticated=fresh)
        told = "the attacker opens a family"
        if reply.answer.issues_token:
            opener = attacker._replace(child=True)
            yield _gets(world, opener, token or NONE, reply, scene, told)
    if attacker.child:
        reply = scene.rule.use_child(world.family)
        told = f"the attacker uses the opened family: the server {reply.answer.value}"
        served = reply.answer.issues_token
        yield Event(told, attacker_served=served), world._replace(family=reply.family)


# Answers to the newest token after which the row says that it was used.
_EVIDENT = {Answer.ROTATED, Answer.REVOKED}


def _gets(
    world: World, attacker: Attacker, token: int, reply: Reply, scene: Scene, told: str
) -> tuple[Event, World]:
    answer, family, refresh, access = reply
    before = world.family
    if world.inactive and not family.alarm:
        revoked = world._replace(family=before._replace(revoked=True))
        return Event(f"{told}: the account is inactive"), revoked
    tokens = {*attacker.tokens, *(() if refresh is None else (refresh,))}
    attacker = attacker._replace(
        tokens=tuple(sorted(tokens)),
        ahead=attacker.ahead or answer.issues_token,
        served=attacker.served or access is not None,
        used=attacker.used
        or (token == attacker.gained and answer in _EVIDENT and not before.revoked),
        gained=refresh if answer.issues_token and refresh is not None else attacker.gained,
    )
    world = reauthentication_after(world._replace(family=family, attacker=attacker), scene, answer)
    carried = scene.rule.carries(reply, world.reauthentication)
    if answer.issues_token:
        recovered = answer is Answer.RECOVERED
        by_attacker = world.by_attacker if recovered else not scene.alike
        world = world._replace(by_attacker=by_attacker)
        world = minted(world, scene, before)
    attacker = world.attacker or attacker
    if access is not None and access == family.newest:
        attacker = attacker._replace(access=True)
    if scene.steps_up and carried:
        attacker = attacker._replace(reauthenticated=True)
    told = f"{told}: the server {answer.value}"
    return Event(told, attacker_served=access is not None), world._replace(attacker=attacker)

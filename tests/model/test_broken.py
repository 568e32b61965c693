"""The search against rules that are known to be broken: it finds what each is known for."""

import pytest

from tests.model import broken
from tests.model.cycles import most_changes
from tests.model.properties import (
    accusation,
    borrowed_reauthentication,
    deaf_alarm,
    endless_sharing,
    lost_token,
    opened_for_nothing,
    silent_end,
    two_chains,
    useful_loot,
)
from tests.model.reference import Confirm, Rule
from tests.model.test_theft import is_served, who_is_ahead
from tests.model.world import Saves, Theft

SHARING = {endless_sharing, useful_loot, deaf_alarm}
THEFT = {"theft": Theft.STORAGE, "tabs": 1}
RUSH = {"slowest": None, "rushes": True}
TYPICAL = {"saves": Saves.TYPICAL}


@pytest.mark.parametrize(
    ("kind", "scene", "found"),
    [
        (broken.SharedSuccessor, {}, SHARING),
        (broken.OneBehind, {}, {*SHARING, two_chains}),
        (broken.EveryToken, {}, {*SHARING, two_chains}),
        (broken.SuccessorForAnyRotation, {"companion": True}, SHARING),
        (broken.EndlessRecovery, {}, SHARING),
        (broken.CallsResetTheCount, {}, SHARING),
        (broken.KeepsOpenedFamilies, {"opens": True}, {endless_sharing, deaf_alarm}),
        (broken.KeepsUsedFamilies, {"opens": True}, {endless_sharing, deaf_alarm}),
        (broken.IgnoresDelivery, {"ends": True}, {silent_end}),
        (broken.RevokedIsRevoked, {"ends": True}, {silent_end}),
        (broken.SignOutIsNoUse, {"ends": True}, {silent_end}),
        (broken.SignOutIsNotJudged, {"ends": True}, {silent_end}),
        (Rule, {}, set()),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_theft_broken_rule_fails(search, kind, scene, found):
    graph = search(rule=kind(recoveries=2), **THEFT, **scene)
    properties = {*SHARING, two_chains, silent_end}
    assert {prop for prop in properties if prop(graph)} == found


@pytest.mark.parametrize(
    ("rule", "scene"),
    [
        (Rule(recovery=False), RUSH),
        (Rule(overlap=0, early=0), RUSH),
        (Rule(early=3), {"companion": True}),
        (broken.GullibleEvidence(), RUSH),
        (broken.ForgivesNobody(), {**TYPICAL, **RUSH}),
        (broken.ToleratesNoSiblings(), {"fails_over": True}),
        (broken.ForgetsLateAnswers(), {"fails_over": True}),
        (broken.ToleratesNoSiblings(), {"opens": True, "locks": False, "companion": True}),
        (broken.ForgetsLateAnswers(), {"opens": True, "locks": False, "companion": True}),
        (broken.ClosesAllFamilies(), {"opens": True, "locks": False, "companion": True}),
        (broken.at_once(Rule()), {"crashes": True}),
        (broken.RotatesInTheOverlap(), {"steps_up": True}),
        (broken.RotatesForSiblings(), {"steps_up": True}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Rule) else "",
)
def test_accusation_broken_rule_and_owner_alone_found(search, rule, scene):
    assert accusation(search(rule=rule, **scene))


def test_token_loss_rotation_without_companion_that_stands_found(search):
    scene = {"companion": True, "saves": Saves.NAIVE, **THEFT}
    assert lost_token(search(rule=Rule(early=3, recoveries=2), **scene)) is None
    assert lost_token(search(rule=broken.CompanionLoses(early=3, recoveries=2), **scene))


@pytest.mark.parametrize("kind", [broken.IgnoresDelivery, broken.ForgivesEverybody])
def test_used_token_without_evidence_gains_a_rotation(search, kind):
    def rotations(rule):
        graph = search(rule=rule, theft=Theft.USED, tabs=1, prompt=True)
        return most_changes(graph, who_is_ahead)

    assert rotations(Rule(recoveries=2, confirm=Confirm.AT_ONCE)) == 0
    assert rotations(kind(recoveries=2, confirm=Confirm.AT_ONCE)) == 1


def test_used_token_answered_without_companion_gains_an_access_token(search):
    def access_tokens(rule):
        return most_changes(search(rule=rule, companion=True, theft=Theft.USED, tabs=1), is_served)

    assert access_tokens(broken.AnswersWhoLacksTheCompanion()) > access_tokens(Rule())


def test_recoveries_by_other_clients_unlimited_end_later(search):
    def end_early(rule):
        graph = search(rule=rule, **THEFT)
        return graph.where(lambda w: w.family.limit and w.family.recoveries < rule.recoveries)

    assert end_early(Rule(recoveries=5))
    assert not end_early(broken.RecoveryForOthers(recoveries=5))


@pytest.mark.parametrize(
    ("kind", "theft"),
    [(broken.OpensWithAccess, Theft.ACCESS), (broken.OpensWithUsedTokens, Theft.USED)],
)
def test_opened_family_token_of_no_use_found(search, kind, theft):
    assert opened_for_nothing(search(rule=kind(), theft=theft, tabs=1, opens=True))


def test_reauthentication_carried_to_siblings_is_borrowed(search):
    rule = broken.CarriedToSiblings(recoveries=1)
    story = borrowed_reauthentication(search(rule=rule, steps_up=True, **THEFT))
    assert story is not None
    assert story.splitlines()[-1].endswith(
        "the attacker sends the token before: the server gives an access token"
    )


def test_endless_sharing_reads_as_a_story(search):
    story = endless_sharing(search(rule=broken.OneBehind(), **THEFT))
    assert story is not None
    before, _, lap = story.partition("and then, for ever:\n")
    assert before.count("an attacker copies") == 1
    assert "reports reuse" not in story
    for event in ("arrives", "the attacker sends", "the overlap passes"):
        assert event in lap

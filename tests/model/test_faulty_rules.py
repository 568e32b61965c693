"""The search finds the known failures of faulty rules."""

import pytest

from tests.model import faulty_rules
from tests.model.cycles import most_changes
from tests.model.properties import (
    endless_sharing,
    family_opened_by_attacker,
    foreign_reauthentication,
    lost_token,
    reported_reuse,
    two_token_chains,
    undetected_attacker,
    unrecorded_reuse,
    usable_stolen_token,
)
from tests.model.reference import Confirm, Rule
from tests.model.state import Saves, Theft
from tests.model.test_theft import attacker_is_ahead, attacker_is_served

SHARING = {endless_sharing, usable_stolen_token, undetected_attacker}
THEFT = {"theft": Theft.STORAGE, "tabs": 1}
RUSH = {"slowest": None, "rushes": True}
TYPICAL = {"saves": Saves.TYPICAL}


@pytest.mark.parametrize(
    ("kind", "scenario", "found"),
    [
        (faulty_rules.SharedSuccessor, {}, SHARING),
        (faulty_rules.OneBehind, {}, {*SHARING, two_token_chains}),
        (faulty_rules.EveryToken, {}, {*SHARING, two_token_chains}),
        (faulty_rules.SuccessorForAnyRotation, {"companion": True}, SHARING),
        (faulty_rules.EndlessRecovery, {}, SHARING),
        (faulty_rules.CallsResetTheCount, {}, SHARING),
        (
            faulty_rules.KeepsOpenedFamilies,
            {"opens": True},
            {endless_sharing, undetected_attacker},
        ),
        (faulty_rules.KeepsUsedFamilies, {"opens": True}, {endless_sharing, undetected_attacker}),
        (faulty_rules.IgnoresDelivery, {"ends": True}, {unrecorded_reuse}),
        (faulty_rules.IgnoresReuseOfRevoked, {"ends": True}, {unrecorded_reuse}),
        (faulty_rules.LogoutIsNoEvidence, {"ends": True}, {unrecorded_reuse}),
        (faulty_rules.LogoutWithoutJudgement, {"ends": True}, {unrecorded_reuse}),
        (Rule, {}, set()),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_faulty_rule_with_theft_violates_properties(search, kind, scenario, found):
    graph = search(rule=kind(recoveries=2), **THEFT, **scenario)
    properties = {*SHARING, two_token_chains, unrecorded_reuse}
    assert {prop for prop in properties if prop(graph)} == found


@pytest.mark.parametrize(
    ("rule", "scenario"),
    [
        (Rule(recovery=False), RUSH),
        (Rule(overlap=0, early=0), RUSH),
        (Rule(early=3), {"companion": True}),
        (faulty_rules.AnyCallIsEvidence(), RUSH),
        (faulty_rules.IgnoresAnsweredSiblings(), {**TYPICAL, **RUSH}),
        (faulty_rules.RejectsOldSiblings(), {"fails_over": True}),
        (faulty_rules.IgnoresLateAnswers(), {"fails_over": True}),
        (faulty_rules.RejectsOldSiblings(), {"opens": True, "locks": False, "companion": True}),
        (faulty_rules.IgnoresLateAnswers(), {"opens": True, "locks": False, "companion": True}),
        (faulty_rules.ClosesAllFamilies(), {"opens": True, "locks": False, "companion": True}),
        (faulty_rules.at_once(Rule()), {"crashes": True}),
        (faulty_rules.RotatesInTheOverlap(), {"steps_up": True}),
        (faulty_rules.RotatesForSiblings(), {"steps_up": True}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Rule) else "",
)
def test_faulty_rule_without_attacker_reports_reuse(search, rule, scenario):
    assert reported_reuse(search(rule=rule, **scenario))


def test_rotation_without_companion_kept_loses_token(search):
    scenario = {"companion": True, "saves": Saves.NAIVE, **THEFT}
    assert lost_token(search(rule=Rule(early=3, recoveries=2), **scenario)) is None
    assert lost_token(search(rule=faulty_rules.CompanionLoses(early=3, recoveries=2), **scenario))


@pytest.mark.parametrize("kind", [faulty_rules.IgnoresDelivery, faulty_rules.TrustsAnySibling])
def test_faulty_rule_used_token_gains_one_rotation(search, kind):
    def rotations(rule):
        graph = search(rule=rule, theft=Theft.USED, tabs=1, prompt=True)
        return most_changes(graph, attacker_is_ahead)

    assert rotations(Rule(recoveries=2, confirm=Confirm.AT_ONCE)) == 0
    assert rotations(kind(recoveries=2, confirm=Confirm.AT_ONCE)) == 1


def test_faulty_rule_used_token_gains_access_token(search):
    def access_tokens(rule):
        return most_changes(
            search(rule=rule, companion=True, theft=Theft.USED, tabs=1), attacker_is_served
        )

    assert access_tokens(faulty_rules.AnswersWhoLacksTheCompanion()) > access_tokens(Rule())


def test_faulty_rule_recoveries_by_others_revoke_later(search):
    def end_early(rule):
        graph = search(rule=rule, **THEFT)
        return graph.where(
            lambda w: w.family.limit_reached and w.family.recoveries < rule.recoveries
        )

    assert end_early(Rule(recoveries=5))
    assert not end_early(faulty_rules.RecoveryForOthers(recoveries=5))


@pytest.mark.parametrize(
    ("kind", "theft"),
    [(faulty_rules.OpensWithAccess, Theft.ACCESS), (faulty_rules.OpensWithUsedTokens, Theft.USED)],
)
def test_faulty_rule_attacker_opens_family(search, kind, theft):
    assert family_opened_by_attacker(search(rule=kind(), theft=theft, tabs=1, opens=True))


def test_faulty_rule_passes_reauthentication_to_attacker(search):
    rule = faulty_rules.CarriedToSiblings(recoveries=1)
    story = foreign_reauthentication(search(rule=rule, steps_up=True, **THEFT))
    assert story is not None
    assert story.splitlines()[-1].endswith(
        "the attacker sends the token before: the server gives an access token"
    )


def test_endless_sharing_story_shows_entry_with_cycle(search):
    story = endless_sharing(search(rule=faulty_rules.OneBehind(), **THEFT))
    assert story is not None
    before, _, lap = story.partition("and then, for ever:\n")
    assert before.count("an attacker copies") == 1
    assert "reports reuse" not in story
    for event in ("arrives", "the attacker sends", "the overlap passes"):
        assert event in lap

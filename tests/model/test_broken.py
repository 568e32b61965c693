"""The search against rules that are known to be broken: it finds what each is known for."""

import pytest

from tests.model.broken import (
    EndlessRecovery,
    EveryToken,
    GullibleEvidence,
    OneBehind,
    ProofForEverybody,
    SharedSuccessor,
)
from tests.model.properties import (
    accusation,
    borrowed_proof,
    deaf_alarm,
    endless_sharing,
    two_lineages,
    useful_loot,
)
from tests.model.reference import Rule
from tests.model.world import Pace


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (SharedSuccessor(), {endless_sharing, useful_loot, deaf_alarm}),
        (OneBehind(), {endless_sharing, useful_loot, deaf_alarm, two_lineages}),
        (EveryToken(), {endless_sharing, useful_loot, deaf_alarm, two_lineages}),
        (EndlessRecovery(), {endless_sharing, useful_loot, deaf_alarm}),
        (Rule(), set()),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Rule) else "",
)
def test_what_a_thief_can_do(search, rule, found):
    graph = search(rule=rule, theft=True, tabs=1)
    properties = {endless_sharing, useful_loot, deaf_alarm, two_lineages}
    assert {prop for prop in properties if prop(graph)} == found


def test_endless_sharing_reads_as_a_story(search):
    story = endless_sharing(search(rule=OneBehind(), theft=True, tabs=1))
    assert story is not None
    before, _, lap = story.partition("and then, for ever:\n")
    assert before.count("a thief copies") == 1
    assert "cries theft" not in story
    for event in ("arrives", "the thief sends", "the overlap passes"):
        assert event in lap


@pytest.mark.parametrize(
    "rule",
    [Rule(recovery=False), Rule(overlap=False), GullibleEvidence()],
    ids=["no recovery", "no overlap", "gullible evidence"],
)
def test_who_accuses_a_victim_alone_even_in_plain_rushes(search, rule):
    assert accusation(search(rule=rule, pace=Pace.RUSHES))


def test_whom_a_proof_serves_that_every_refresh_may_claim(search):
    story = borrowed_proof(search(rule=ProofForEverybody(), theft=True, steps_up=True, tabs=1))
    assert story is not None
    assert story.splitlines()[-1].endswith(
        "the thief sends the token before: the server gives an access token"
    )

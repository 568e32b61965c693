"""Every item is spoken for once, and docs/standards.md says what the tests say."""

import pytest

from tests.standards.items import ITEMS, Level
from tests.standards.page import PAGE, render
from tests.standards.registry import ENTRIES, Entry, Standing, deviates, load, passes

REQUIRED = [item for item in ITEMS if item.level is not Level.BEYOND]


def test_page_says_what_the_tests_say():
    """If this fails, run ``python -m tests.standards.page``."""
    page = PAGE.read_text(encoding="utf-8")
    assert render(page) == page


def test_every_item_is_spoken_for():
    known = {item.id for item in ITEMS}
    assert len(known) == len(ITEMS)
    assert load().keys() == known


def test_the_list_holds_all_of_sessions_and_of_self_contained_tokens():
    sections = [item.id for item in REQUIRED]
    assert len([section for section in sections if section.startswith("ASVS 7.")]) == 19
    assert len([section for section in sections if section.startswith("ASVS 9.")]) == 7


@pytest.mark.parametrize("item", REQUIRED, ids=lambda item: item.id)
def test_nothing_that_is_asked_for_counts_as_beyond(item):
    assert load()[item.id].standing is not Standing.BEYOND


class TestRegistry:
    @pytest.fixture(autouse=True)
    def _own_entries(self, monkeypatch):
        load()
        monkeypatch.setattr("tests.standards.registry.ENTRIES", dict(ENTRIES))

    def test_a_test_is_named_after_its_item(self):
        def test_something():
            pass

        with pytest.raises(ValueError, match=r"test_asvs_9_9_9_…, not test_something"):
            passes("ASVS 9.9.9", "Whatever.")(test_something)

    def test_the_name_of_another_item_is_not_enough(self):
        def test_asvs_9_9_91_something():
            pass

        with pytest.raises(ValueError, match="is to be called"):
            passes("ASVS 9.9.9", "Whatever.")(test_asvs_9_9_91_something)

    def test_an_item_has_one_test(self):
        def test_asvs_9_1_1_again():
            pass

        with pytest.raises(ValueError, match="spoken for already"):
            passes("ASVS 9.1.1", "Whatever.")(test_asvs_9_1_1_again)

    def test_a_deviation_runs_with_and_without_its_remedy(self):
        def test_asvs_9_9_9():
            pass

        test = deviates(
            "ASVS 9.9.9", "Whatever.", why="So.", letter={"LEEWAY": 1}, remedy="`LEEWAY`"
        )(test_asvs_9_9_9)
        (mark,) = test.pytestmark
        assert mark.args == ("by_letter", [None, {"LEEWAY": 1}])
        assert isinstance(load()["ASVS 9.9.9"], Entry)

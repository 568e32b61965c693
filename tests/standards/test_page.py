"""Registry and docs/standards.md: each item once, tables up to date."""

import pytest

from tests.standards.items import ITEMS, Level
from tests.standards.page import PAGE, render
from tests.standards.registry import ENTRIES, Entry, Standing, deviates, load, passes

REQUIRED = [item for item in ITEMS if item.level is not Level.BEYOND]


def test_standards_page_tables_match_registry():
    """If this fails, run ``python -m tests.standards.page``."""
    page = PAGE.read_text(encoding="utf-8")
    assert render(page) == page


def test_registry_has_entry_for_every_item():
    known = {item.id for item in ITEMS}
    assert len(known) == len(ITEMS)
    assert load().keys() == known


def test_item_list_contains_all_session_with_token_items():
    sections = [item.id for item in REQUIRED]
    assert len([section for section in sections if section.startswith("ASVS 7.")]) == 19
    assert len([section for section in sections if section.startswith("ASVS 9.")]) == 7


@pytest.mark.parametrize("item", REQUIRED, ids=lambda item: item.id)
def test_required_item_standing_is_not_beyond(item):
    assert load()[item.id].standing is not Standing.BEYOND


class TestRegistry:
    @pytest.fixture(autouse=True)
    def _own_entries(self, monkeypatch):
        load()
        monkeypatch.setattr("tests.standards.registry.ENTRIES", dict(ENTRIES))

    def test_registry_test_named_after_other_text_is_rejected(self):
        def test_something():
            pass

        with pytest.raises(ValueError, match=r"test_asvs_9_9_9_…, not test_something"):
            passes("ASVS 9.9.9", "Anything.")(test_something)

    def test_registry_test_named_after_longer_item_is_rejected(self):
        def test_asvs_9_9_91_something():
            pass

        with pytest.raises(ValueError, match="must be called"):
            passes("ASVS 9.9.9", "Anything.")(test_asvs_9_9_91_something)

    def test_registry_second_test_of_item_is_rejected(self):
        def test_asvs_9_1_1_again():
            pass

        with pytest.raises(ValueError, match="is registered already"):
            passes("ASVS 9.1.1", "Anything.")(test_asvs_9_1_1_again)

    def test_registry_deviation_runs_with_default_or_literal_settings(self):
        def test_asvs_9_9_9():
            pass

        test = deviates(
            "ASVS 9.9.9", "Anything.", why="A reason.", letter={"LEEWAY": 1}, remedy="`LEEWAY`"
        )(test_asvs_9_9_9)
        (mark,) = test.pytestmark
        assert mark.args == ("by_letter", [None, {"LEEWAY": 1}])
        assert isinstance(load()["ASVS 9.9.9"], Entry)

"""Each check reports its own fault and no other. No test has a database."""

import re
from collections import Counter

import pytest
from django.core.checks import Error, Warning  # noqa: A004

from tests.checks.cases import CASES, FINE, KEYS, PAIRS
from tests.checks.finding import PACKAGE, found, ids, ids_in_source

PAGE = PACKAGE.parent / "docs" / "checks.md"


@pytest.fixture(autouse=True)
def _cryptography(monkeypatch):
    """Bound sessions need the extra, which only an environment without it lacks."""
    for module in ("checks.bound_sessions", "checks.device_sessions", "binding.dpop"):
        monkeypatch.setattr(f"refresh_sessions.{module}.has_cryptography", lambda: True)


class TestEachCheck:
    @pytest.mark.parametrize("case", CASES, ids=repr)
    def test_check_reports_one_fault_alone(self, settings, case):
        case.apply(settings)
        assert ids() == [case.id]
        (message,) = found()
        assert all(part in message.msg for part in case.mentions)

    @pytest.mark.parametrize(("case", "expected"), PAIRS, ids=repr)
    def test_check_reports_fault_with_its_companion(self, settings, case, expected):
        case.apply(settings)
        assert ids() == expected
        assert all(part in found()[0].msg for part in case.mentions)

    @pytest.mark.parametrize("case", FINE, ids=repr)
    def test_check_of_valid_settings_is_silent(self, settings, case):
        case.apply(settings)
        assert ids() == []

    @pytest.mark.parametrize("case", [*CASES, *(case for case, _ in PAIRS)], ids=repr)
    def test_check_message_has_level_with_hint(self, settings, case):
        case.apply(settings)
        for message in found():
            kind = Error if "refresh_sessions.E" in str(message.id) else Warning
            assert type(message) is kind
            assert str(message.hint).endswith(".")
            assert message.msg.endswith((".", "?"))

    def test_each_check_id_has_a_case(self):
        cases = {case.id for case in [*CASES, *(case for case, _ in PAIRS)]}
        cases |= set(KEYS)
        # test_bound_sessions.py has those that need a library, or none.
        cases |= {"E027", "W026", "W029"}
        # test_charsets.py has W025, about DATABASES; test_users.py has E025, about the user model.
        # test_device_sessions.py has E028, about a library.
        cases |= {"W025", "E025", "E028"}
        assert cases == set(ids_in_source())


class TestIds:
    def test_check_ids_are_unique(self):
        counted = Counter(ids_in_source())
        assert len(counted) > 20
        assert [name for name, times in counted.items() if times > 1] == []

    def test_check_ids_are_numbered_without_gaps(self):
        for letter in "EW":
            numbers = sorted(int(name[1:]) for name in ids_in_source() if name[0] == letter)
            assert numbers == list(range(1, len(numbers) + 1))

    def test_check_ids_are_documented_once_in_order(self):
        rows = re.findall(r"^\| `refresh_sessions\.([EW]\d{3})` \|", PAGE.read_text(), re.M)
        assert rows == sorted(ids_in_source())

"""The mutants fit the package as it is."""

from pathlib import Path

import pytest

from tests.mutation.mutants import MUTANTS

CHECKOUT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_module_has_line_of_mutant_once(mutant):
    source = (CHECKOUT / "refresh_sessions" / mutant.module).read_text(encoding="utf-8")
    assert source.count(mutant.line) == 1
    assert all((CHECKOUT / path).exists() for path in mutant.tests)

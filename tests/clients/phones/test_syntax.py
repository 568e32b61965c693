"""The clients of docs/clients are well-formed: parsed with the grammars of tree-sitter."""

from pathlib import Path

import pytest

CLIENTS = Path(__file__).resolve().parents[3] / "docs" / "clients"
FILES = {"SessionClient.kt": "tree_sitter_kotlin", "SessionClient.swift": "tree_sitter_swift"}


@pytest.fixture(params=FILES)
def name(request):
    return request.param


@pytest.fixture
def parse(name):
    """Parse source code in the language of the file."""
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip(FILES[name])
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    return lambda source: parser.parse(source).root_node


def test_client_has_no_syntax_errors(parse, name):
    assert not parse((CLIENTS / name).read_bytes()).has_error


def test_grammar_finds_a_missing_bracket(parse, name):
    source = (CLIENTS / name).read_bytes()
    end = source.rindex(b"}")
    assert parse(source[:end] + source[end + 1 :]).has_error

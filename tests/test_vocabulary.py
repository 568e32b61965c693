"""The words of ``docs/glossary.md`` in comments, docstrings and documentation."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

AVOIDED = {
    r"(thief|thieves)('s)?": "attacker",
    r"lineages?": "token family",
    r"c[ao]mes? back": "reuse, presented again",
    r"(take|takes|taken|took|taking)[ -]back": "recovery",
    r"stand[ -]ins?": "derived secret",
    r"(take|takes|took|taking) (a |its |their |our )?turns?": "lock",
    r"passing (error|failure|trouble|way|database)s?|in passing": "transient error",
    r"(fresh|new|recent) proofs?|proves?|proved|proven|proving": "re-authentication, verify",
    r"vouch(es|ed|ing)?|heeds?|heeded|mends?|mended|heals?|healed|worth|floors?|doors?|rooms?": (
        "the technical noun"
    ),
    r"whoever|whomever|nobody|somebody": "the user, the client, no request",
    r"sign(s|ed|ing)?[ -](in|out)": "log in, log out",
}
"""Patterns of whole words, and what to write instead."""

ALLOWED = re.compile(
    # Names in code, values in answers, and other specifications' own terms.
    r"``[^`]*``|`[^`]*`|\"[^\"]*\"|“[^”]*”|sign-in tickets?|https?://\S+",
    re.IGNORECASE,
)

EXEMPT = {"docs/glossary.md", "tests/test_vocabulary.py"}

PATTERN = re.compile(
    r"\b(?:" + "|".join(f"(?P<w{i}>{word})" for i, word in enumerate(AVOIDED)) + r")\b",
    re.IGNORECASE,
)


def revised_files() -> list[str]:
    folders = ("refresh_sessions", "example_project", "tests", "benchmarks", "docs")
    found = [*ROOT.glob("*.md"), *(path for name in folders for path in (ROOT / name).rglob("*"))]
    names = (path.relative_to(ROOT).as_posix() for path in found if path.suffix in {".py", ".md"})
    return sorted(name for name in names if name not in EXEMPT and "node_modules" not in name)


def prose_of_code(source: str) -> Iterator[tuple[int, str]]:
    """Comments, docstrings and strings that stand alone, each with its first line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, text
            case _:
                pass


def prose_of_page(source: str) -> Iterator[tuple[int, str]]:
    """The page without its blocks of code."""
    in_code = False
    for number, line in enumerate(source.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code:
            yield number, line


def find_avoided(name: str) -> Iterator[str]:
    source = (ROOT / name).read_text()
    prose = prose_of_code(source) if name.endswith(".py") else prose_of_page(source)
    for first, text in prose:
        shown = ALLOWED.sub(lambda match: "\n" * match[0].count("\n"), text)
        for match in PATTERN.finditer(shown):
            word = next(i for i in range(len(AVOIDED)) if match[f"w{i}"])
            line = first + shown.count("\n", 0, match.start())
            instead = list(AVOIDED.values())[word]
            yield f"{name}:{line}: {match[0]!r}; write: {instead}"


@pytest.mark.parametrize("name", revised_files())
def test_prose_uses_words_of_glossary(name):
    found = list(find_avoided(name))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# the thief came back", 2),
        ("# a fresh proof", 1),
        ("# a proof of possession", 0),
        ('# the answer says "signed in"', 0),
        ('"""Nobody signs in."""', 2),
        ("x = 'whoever'", 0),
    ],
)
def test_avoided_words_are_found_in_prose_alone(text, found):
    shown = [ALLOWED.sub("", prose) for _, prose in prose_of_code(text)]
    assert sum(len(PATTERN.findall(prose)) for prose in shown) == found

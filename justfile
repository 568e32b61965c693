# Short names for the loops of CONTRIBUTING.md. Arguments go to pytest: just test tests/api -k login

# The tests that need seconds, on SQLite.
test *arguments="tests/domain tests/unit":
    python -m pytest {{ arguments }}

# What CI says of format, lint, spelling, types and imports.
lint:
    tox run -e style,typing,layers

# Repair format and lint.
format:
    ruff format
    ruff check --fix

# The tests of the pages: links, names, snippets, and the tables of docs/standards.md.
docs:
    python -m pytest tests/test_docs.py tests/test_readme.py tests/test_snippets.py tests/standards/test_page.py

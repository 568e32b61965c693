"""The modules that docs/migrating.md tells a project to write."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "migrating.md"


def module(name: str) -> Any:
    """A module of the page, by the path in its first line."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S)
    (source,) = (block for block in blocks if block.startswith(f"# {name}"))
    written = ModuleType(name)
    exec(compile(source, f"docs/migrating.md: {name}", "exec"), written.__dict__)  # noqa: S102
    return written


moving = module("shop/moving.py")
moving_from_knox = module("shop/moving_from_knox.py")

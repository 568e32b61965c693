"""The project code of docs/migrating.md, as a package."""

import atexit
import re
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "migrating.md"


def write_project() -> None:
    """Write each block that begins with a module path, and make the package importable."""
    directory = tempfile.TemporaryDirectory(prefix="moving-")
    atexit.register(directory.cleanup)
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S):
        if named := re.match(r"# (shop/\w+\.py)", block):
            file = Path(directory.name) / named[1]
            file.parent.mkdir(exist_ok=True)
            assert not file.exists(), named[1]
            file.write_text(block, encoding="utf-8")
    (Path(directory.name) / "shop" / "__init__.py").touch()
    sys.path.insert(0, directory.name)


def module(name: str) -> Any:
    """Return the source of a module on the page."""
    found: ModuleType = import_module(f"shop.{name}")
    return found

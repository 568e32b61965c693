"""``python -m tests.interop.server``: the project in a process of its own, until stdin ends."""

from __future__ import annotations

import os

from tests.interop.serving import serve


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.interop.served")
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415  (reads the variable)

    serve(get_wsgi_application())


if __name__ == "__main__":
    main()

"""Serve the tests' project until standard input ends: ``python -m tests.interop.server``."""

from __future__ import annotations

import os

from tests.interop.wsgi_server import serve


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.interop.server_settings")
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415  (reads the variable)

    serve(get_wsgi_application())


if __name__ == "__main__":
    main()

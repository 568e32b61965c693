"""Set up Django for a run, and fill the database."""

import argparse
import os
import secrets
from pathlib import Path

import django
import django.db

from tests.faults.soak import request_age

PASSWORD = "soak"


def prepare(options: argparse.Namespace, directory: Path, **variables: str) -> dict[str, str]:
    """Set up Django, fill the database, and return the environment of the servers."""
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tests.faults.soak.settings",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "SOAK_OVERLAP": str(options.overlap),
        request_age.DIRECTORY: str(directory),
        **variables,
    }
    django.setup()
    from django.contrib.auth.models import User  # noqa: PLC0415  (Django has to be set up)
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    names = [f"client{n}" for n in range(options.clients)]
    names += [f"owner{n}" for n in range(options.thefts)]
    names += [f"visitor{n}" for n in range(getattr(options, "visitors", 0))]
    for name in names:
        User.objects.create_user(name, password=PASSWORD)
    # The connections would not survive a restart of the database.
    django.db.connections.close_all()
    # The server's warnings must not become errors.
    return {key: os.environ[key] for key in os.environ if not key.startswith("PYTHON")}

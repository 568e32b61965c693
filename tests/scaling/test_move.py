"""The move to another database server of ``docs/scaling.md``: rows leave as JSON and return."""

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from refresh_sessions.models import SessionEvent, TokenFamily
from refresh_sessions.sessions import check_access_token, refresh_session
from tests.factories import make_pair

pytestmark = pytest.mark.django_db(transaction=True)

PARTS = ("--natural-foreign", "--exclude=contenttypes", "--exclude=auth.permission")


def test_tokens_of_moved_rows_are_accepted_without_an_event(tmp_path):
    pair = make_pair()
    events = SessionEvent.objects.count()
    file = tmp_path / "all.json"
    call_command("dumpdata", *PARTS, output=str(file))
    call_command("flush", interactive=False, verbosity=0)
    assert not TokenFamily.objects.exists()
    assert not get_user_model().objects.exists()

    call_command("loaddata", str(file), verbosity=0)
    check_access_token(pair.access)
    new = refresh_session(pair.refresh)
    check_access_token(new.access)
    assert SessionEvent.objects.count() == events

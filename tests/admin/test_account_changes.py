"""What the admin shows of sessions whose account has changed."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from refresh_sessions.admin.overview_counts import count_figures, last_days
from refresh_sessions.models import DeviceSession, RevokedReason
from tests.factories import make_pair

pytestmark = pytest.mark.django_db

CHANGES = {
    RevokedReason.USER_INACTIVE: {"is_active": False},
    RevokedReason.PASSWORD_CHANGED: {"password": make_password("by SQL")},
}


@pytest.fixture(params=CHANGES)
def dead(request):
    """A session that its account forbids to use, which nobody has written yet."""
    pair = make_pair()
    accounts = get_user_model().objects.filter(pk=pair.session.user_id)
    accounts.update(**CHANGES[request.param])
    pair.session.expected = request.param
    return pair.session


@pytest.fixture
def live():
    return make_pair().session


def test_live_filter_leaves_locked_out_sessions_out(pages, dead, live):
    assert pages.listed(status="live") == {live.pk}
    assert pages.list(status="live").context["cl"].result_count == 1


def test_revoked_filter_lists_locked_out_sessions(pages, dead, live):
    assert pages.listed(status="revoked") == {dead.pk}
    assert pages.listed() == {dead.pk, live.pk}


def test_list_says_why_a_session_is_locked_out(pages, dead):
    text = pages.list().text
    assert "refresh-sessions-revoked" in text
    assert str(dead.expected.label) in text
    assert "refresh-sessions-live" not in text


def test_list_takes_no_query_more_for_locked_out_sessions(pages, dead):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            pages.list()
        return len(captured)

    queries()
    before = queries()
    accounts = get_user_model().objects.filter(pk__in=[make_pair().session.user_id])
    accounts.update(**CHANGES[dead.expected])
    assert len(pages.listed()) == 2
    assert queries() == before


def test_page_of_a_locked_out_session_offers_no_revocation(pages, dead):
    answer = pages.open(dead)
    assert str(dead.expected.label) in answer.text
    assert "revoke_url" not in answer.context


def test_overview_does_not_count_locked_out_sessions(dead, live):
    days = last_days(1, now=timezone.now(), zone=timezone.get_current_timezone())
    assert count_figures(days, using="default").live == 1


def test_sign_out_everywhere_revokes_and_does_not_count_locked_out_sessions(pages, dead, live):
    question = pages.act("sign_out_everywhere", [dead, live])
    pages.confirm(question)
    reasons = dict(DeviceSession.objects.values_list("pk", "revoked_reason"))
    assert reasons == {dead.pk: dead.expected, live.pk: RevokedReason.ADMIN}

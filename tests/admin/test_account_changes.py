"""Sessions in the admin after a change of their account."""

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
def locked_out(request):
    """A session that is locked out by its account, before its row says so."""
    pair = make_pair()
    accounts = get_user_model().objects.filter(pk=pair.session.user_id)
    accounts.update(**CHANGES[request.param])
    pair.session.expected = request.param
    return pair.session


@pytest.fixture
def live():
    return make_pair().session


def test_live_filter_locked_out_session_is_excluded(pages, locked_out, live):
    assert pages.listed(status="live") == {live.pk}
    assert pages.list(status="live").context["cl"].result_count == 1


def test_revoked_filter_locked_out_session_is_listed(pages, locked_out, live):
    assert pages.listed(status="revoked") == {locked_out.pk}
    assert pages.listed() == {locked_out.pk, live.pk}


def test_session_list_locked_out_session_shows_reason(pages, locked_out):
    text = pages.list().text
    assert "refresh-sessions-revoked" in text
    assert str(locked_out.expected.label) in text
    assert "refresh-sessions-live" not in text


def test_session_list_locked_out_sessions_take_no_extra_query(pages, locked_out):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            pages.list()
        return len(captured)

    queries()
    before = queries()
    accounts = get_user_model().objects.filter(pk__in=[make_pair().session.user_id])
    accounts.update(**CHANGES[locked_out.expected])
    assert len(pages.listed()) == 2
    assert queries() == before


def test_session_page_locked_out_session_has_no_revoke_button(pages, locked_out):
    answer = pages.open(locked_out)
    assert str(locked_out.expected.label) in answer.text
    assert "revoke_url" not in answer.context


def test_overview_locked_out_session_is_not_counted(locked_out, live):
    days = last_days(1, now=timezone.now(), zone=timezone.get_current_timezone())
    assert count_figures(days, using="default").live == 1


def test_sign_out_everywhere_locked_out_session_is_revoked_but_not_counted(
    pages, locked_out, live
):
    question = pages.act("sign_out_everywhere", [locked_out, live])
    pages.confirm(question)
    reasons = dict(DeviceSession.objects.values_list("pk", "revoked_reason"))
    assert reasons == {locked_out.pk: locked_out.expected, live.pk: RevokedReason.ADMIN}

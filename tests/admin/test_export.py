"""Download of the filtered event list: permissions, content, streaming, log."""

import gc
import logging
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from refresh_sessions.events import export
from refresh_sessions.exceptions import DatabaseBusyError
from refresh_sessions.models import SessionEvent
from tests.admin.event_pages import EXPORT, LIST, rows_of
from tests.factories import UserFactory


@pytest.fixture
def security_log(caplog):
    caplog.set_level(logging.INFO, logger="refresh_sessions.security")

    def lines():
        return [
            (record.levelname, record.getMessage())
            for record in caplog.records
            if record.name == "refresh_sessions.security"
        ]

    return lines


def keys(rows):
    return [(row["kind"], row["session_id"]) for row in rows]


class TestAccess:
    def test_event_export_without_view_permission_is_refused(
        self, events_of, viewer, make_session
    ):
        make_session()
        for staff in (viewer, UserFactory.create(is_staff=True)):
            assert events_of(staff).export().status_code == 403

    def test_event_export_anonymous_is_redirected_to_login(self, db):
        response = Client().get(reverse(EXPORT))
        assert response.status_code == 302
        assert "/login/" in response.url

    @pytest.mark.parametrize("method", ["post", "put", "delete", "head"])
    def test_event_export_other_method_is_not_allowed(self, events, method):
        assert getattr(events.client, method)(reverse(EXPORT)).status_code == 405


class TestContent:
    def test_event_export_button_keeps_filters(self, events, make_session, make_event):
        session = make_session()
        wanted = make_event(session, "reuse_detected")
        make_event(session, created_at=timezone.now() - timedelta(days=2))
        make_event(kind="reuse_detected")
        page = events.list(kind="reuse_detected", session=str(session.pk), p="1")
        assert "Download CSV" in page.text
        start = page.text.index(reverse(EXPORT))
        address = page.text[start : page.text.index('"', start)].replace("&amp;", "&")
        rows = rows_of(events.client.get(address).getvalue())
        assert keys(rows) == [("reuse_detected", str(wanted.session_id))]

    @pytest.mark.parametrize(
        "query",
        [{}, {"kind": "signed_in"}, {"period": "today"}, {"q": "grace"}, {"q": "192.0.2.7"}],
    )
    def test_event_export_has_listed_events_oldest_first(
        self, events, make_session, make_event, query
    ):
        session = make_session(UserFactory.create(username="grace@example.org"))
        make_event(session, ip_address="192.0.2.7")
        make_event(created_at=timezone.now() - timedelta(days=3))
        listed = events.list(**query).context["cl"].queryset.order_by("pk")
        expected = [(event.kind, str(event.session_id)) for event in listed]
        assert expected
        assert keys(events.exported(**query)) == expected

    def test_event_export_above_batch_size_has_all_events(self, events, make_event, monkeypatch):
        monkeypatch.setattr(export.EventExport.__init__, "__kwdefaults__", {"batch_size": 100})
        session = make_event().session
        SessionEvent.objects.bulk_create(
            SessionEvent(session=session, kind="revoked", created_at=timezone.now())
            for _ in range(250)
        )
        assert len(events.exported()) == 252

    def test_event_export_invalid_filter_redirects_to_list(self, events):
        response = events.export(nonsense="1")
        assert response.status_code == 302
        assert urlsplit(response.url).path == reverse(LIST)


class TestResponse:
    def test_event_export_is_csv_attachment_without_caching(self, events, make_session, clock):
        make_session()
        response = events.export()
        assert response["Content-Type"] == "text/csv; charset=utf-8; header=present"
        name = f"session-events-{clock.now:%Y-%m-%d}.csv"
        assert response["Content-Disposition"] == f'attachment; filename="{name}"'
        assert "no-store" in response["Cache-Control"]
        assert response.getvalue().startswith(b'\xef\xbb\xbf"time","kind",')

    def test_event_export_is_streamed(self, events, make_session):
        make_session()
        with CaptureQueriesContext(connection) as queries:
            response = events.export()
            before = len(queries)
            assert response.streaming
            assert len(list(response.streaming_content)) == 2
        assert len(queries) == before + 2

    @pytest.mark.parametrize("number", [1, 30])
    def test_event_export_more_rows_take_no_extra_query(self, events, make_event, number):
        for _ in range(number):
            make_event(actor=UserFactory.create())
        events.exported()
        with CaptureQueriesContext(connection) as queries:
            events.exported()
        # Four for the admin, the list's count, the last key, one batch, and the end.
        assert len(queries) == 8

    def test_event_export_asgi_is_streamed_in_pieces(self, auditor, make_session):
        """Django warns if it must read the whole stream first, and warnings are errors here."""
        session = make_session()
        client = AsyncClient()
        client.force_login(auditor)

        async def download():
            response = await client.get(reverse(EXPORT))
            assert response.is_async
            return [piece async for piece in response.streaming_content]

        pieces = async_to_sync(download)()
        assert len(pieces) == 2
        assert keys(rows_of(b"".join(pieces))) == [("signed_in", str(session.pk))]


class TestErrors:
    def test_event_export_database_busy_at_start_raises_error(
        self, events, make_session, monkeypatch
    ):
        def busy(*_):
            raise DatabaseBusyError

        make_session()
        monkeypatch.setattr(export.EventExport, "_read_last_key", busy)
        with pytest.raises(DatabaseBusyError):
            events.export()

    def test_event_export_database_busy_in_stream_aborts_response(
        self, events, make_session, monkeypatch, security_log, auditor
    ):
        def busy(*_):
            raise DatabaseBusyError

        make_session()
        response = events.export()
        monkeypatch.setattr(export.EventExport, "_read_batch", busy)
        # After the status was sent, an aborted connection is the only signal.
        with pytest.raises(DatabaseBusyError):
            response.getvalue()
        expected = f"Export of session events to user {auditor.pk} broke off after 0 events"
        assert security_log()[-1] == ("WARNING", expected)


class TestLog:
    def test_event_export_is_logged_with_user_filter_count(
        self, events, auditor, make_session, security_log
    ):
        make_session()
        make_session()
        events.exported(kind="signed_in", q="person")
        start = f"Export of session events to user {auditor.pk}"
        assert [line for line in security_log() if line[0] == "WARNING"] == [
            ("WARNING", f"{start} began, filter: kind=signed_in&q=person"),
            ("WARNING", f"{start} ended after 2 events"),
        ]

    def test_event_export_client_disconnects_logs_abort(self, events, make_session, security_log):
        make_session()
        response = events.export()
        pieces = iter(response.streaming_content)
        next(pieces), next(pieces)
        response.close()
        assert security_log()[-1][1].endswith("broke off after 1 events")

    def test_event_export_asgi_client_disconnects_logs_abort(
        self, auditor, make_session, security_log
    ):
        make_session()
        client = AsyncClient()
        client.force_login(auditor)

        async def leave():
            response = await client.get(reverse(EXPORT))
            pieces = aiter(response.streaming_content)
            await anext(pieces)
            await anext(pieces)
            await pieces.aclose()
            response.close()

        async_to_sync(leave)()
        gc.collect()
        assert security_log()[-1][1].endswith("broke off after 1 events")

    def test_event_export_log_line_break_in_query_is_escaped(
        self, events, make_session, security_log
    ):
        make_session()
        events.exported(q="x\nWARNING forged")
        assert not any("\n" in line for _, line in security_log())

    def test_event_export_refused_logs_nothing(self, events_of, viewer, security_log):
        events_of(viewer).export()
        assert security_log() == []

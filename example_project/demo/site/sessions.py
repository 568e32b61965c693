"""Views of the page that use this package: the timeline, staff, and pages of the project."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from example_project.demo.accounts import STAFF, USERNAME
from refresh_sessions.models import DeviceSession, RevokedReason, SessionEvent
from refresh_sessions.sessions import revoke_session

SHOWN: Final = 30
"""Maximum number of events in the timeline."""

_RECENT: Final = timedelta(minutes=10)


@require_safe
def timeline(request: HttpRequest) -> HttpResponse:
    """``/timeline/``: the newest events of Ada's sessions, without secrets."""
    since = timezone.now() - _RECENT
    recent = SessionEvent.objects.filter(session__user__username=USERNAME, created_at__gte=since)
    newest = recent.select_related("session", "actor").order_by("-created_at", "-pk")[:SHOWN]
    return JsonResponse({"events": [_describe(event) for event in newest]})


def _describe(event: SessionEvent) -> dict[str, Any]:
    reason = event.details.get("reason", "")
    return {
        "id": event.pk,
        "at": event.created_at.isoformat(),
        "kind": event.kind,
        "label": event.get_kind_display(),
        "reason": str(dict(RevokedReason.choices).get(reason, reason)),
        "session": str(event.session_id),
        "device": str(event.session),
        "address": event.ip_address,
        "other_address": event.details.get("other_ip_address"),
        "actor": event.actor.get_username() if event.actor else None,
    }


@require_POST
def revoke_as_staff(request: HttpRequest) -> HttpResponse:
    """``/staff/revoke/``: revoke a session, as the Django admin does."""
    session = _session_of_ada(request)
    revoked = revoke_session(
        session, reason=RevokedReason.ADMIN, by=User.objects.get(username=STAFF), request=request
    )
    return JsonResponse({"revoked": revoked})


@require_POST
def open_devices(request: HttpRequest) -> HttpResponse:
    """``/open/devices/``: log Ada in to the project's HTML pages, and show her devices."""
    login(request, User.objects.get(username=USERNAME))
    return redirect("refresh_sessions_pages:session-list")


@require_POST
def open_alarm(request: HttpRequest) -> HttpResponse:
    """``/open/alarm/``: log staff in to the Django admin, and show the session with its events."""
    login(request, User.objects.get(username=STAFF))
    if not request.POST.get("session"):
        return redirect("admin:refresh_sessions_devicesession_changelist")
    session = _session_of_ada(request)
    return redirect(reverse("admin:refresh_sessions_devicesession_change", args=[session.pk]))


def _session_of_ada(request: HttpRequest) -> DeviceSession:
    try:
        key = UUID(request.POST.get("session", ""))
    except ValueError:
        key = UUID(int=0)
    return get_object_or_404(DeviceSession, pk=key, user__username=USERNAME)

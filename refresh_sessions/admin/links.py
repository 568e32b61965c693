"""URLs of the admin pages about sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from refresh_sessions.admin.base import AnyModelAdmin, SessionModelAdmin
from refresh_sessions.models import DeviceSession, SessionEvent


def changelist_url(model_admin: AnyModelAdmin, *, query: Mapping[str, Any] | None = None) -> str:
    """The URL of the change list, filtered by ``query``."""
    return reverse(
        f"admin:{_prefix(model_admin)}_changelist",
        query=query,
        current_app=model_admin.admin_site.name,
    )


def sign_out_url(model_admin: AnyModelAdmin, user: Model) -> str:
    """The URL of the page that revokes all sessions of a user."""
    return reverse(
        f"admin:{_prefix(model_admin)}_sign_out",
        args=(quote(user.pk),),
        current_app=model_admin.admin_site.name,
    )


def session_url(model_admin: SessionModelAdmin, session: DeviceSession, *, page: str) -> str:
    """The URL of a page of one session; ``page`` is ``"change"`` or ``"revoke"``."""
    return reverse(
        f"admin:{_prefix(model_admin)}_{page}",
        args=(quote(session.pk),),
        current_app=model_admin.admin_site.name,
    )


def events_url(
    model_admin: AnyModelAdmin, request: HttpRequest, session: DeviceSession
) -> str | None:
    """The URL of the list of a session's events, or None without permission to view events."""
    site = model_admin.admin_site
    if not site.is_registered(SessionEvent):
        return None
    events = site.get_model_admin(SessionEvent)
    if not events.has_view_permission(request):
        return None
    return changelist_url(events, query={"session": session.pk})


def user_url(model_admin: AnyModelAdmin, request: HttpRequest, user: Model) -> str | None:
    """The URL of a user's page, or None without permission to view it."""
    site = model_admin.admin_site
    if not site.is_registered(user.__class__):
        return None
    users = site.get_model_admin(user.__class__)
    if not users.has_view_or_change_permission(request, user):
        return None
    page = f"admin:{_prefix(users)}_change"
    return reverse(page, args=(quote(user.pk),), current_app=site.name)


def preserve_filters(model_admin: SessionModelAdmin, request: HttpRequest, address: str) -> str:
    """Add the filters of the change list that led to this page to the URL."""
    filters = model_admin.get_preserved_filters(request)
    return str(
        add_preserved_filters({"preserved_filters": filters, "opts": model_admin.opts}, address)
    )


def _prefix(model_admin: AnyModelAdmin) -> str:
    return f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"

"""The confirmation page before sessions are revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import django
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from refresh_sessions.admin.base import SessionModelAdmin
from refresh_sessions.admin.display import render_device, time_tag
from refresh_sessions.admin.links import changelist_url, session_url
from refresh_sessions.models import DeviceSession
from refresh_sessions.models.sessions import DeviceSessionQuerySet

SHOWN: Final = 100
"""Maximum number of sessions in the table; the page only counts the others."""

_CONFIRMED: Final = ("post", "yes")
"""The hidden field that marks a confirmed POST, as on Django's own confirmation pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """Texts and sessions of a confirmation page."""

    title: str
    text: str
    sessions: DeviceSessionQuerySet
    count: int
    back_url: str
    note: str = ""
    hidden: Sequence[tuple[str, str]] = ()
    """Hidden fields of the form."""
    session: DeviceSession | None = None
    """The session whose page has the button; None for an action on several sessions."""

    def shown(self) -> DeviceSessionQuerySet:
        """The first sessions for the table, grouped by user."""
        sessions = self.sessions.select_related("user").prefetch_related("families")
        return sessions.order_by("user", "-created_at", "pk")[:SHOWN]


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the request is a confirmed POST from the page."""
    name, value = _CONFIRMED
    return request.method == "POST" and request.POST.get(name) == value


def selection_fields(request: HttpRequest, action: str) -> list[tuple[str, str]]:
    """The hidden fields that repeat the action and its selection.

    A selection across pages is repeated as ``select_across``: one field per session would exceed
    ``DATA_UPLOAD_MAX_NUMBER_FIELDS``.
    """
    selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return [
        ("action", action),
        ("select_across", request.POST.get("select_across", "0")),
        *((ACTION_CHECKBOX_NAME, pk) for pk in selected),
    ]


def render_confirmation(
    model_admin: SessionModelAdmin, request: HttpRequest, template: str, question: Confirmation
) -> TemplateResponse:
    """The response with the confirmation page."""
    request.current_app = model_admin.admin_site.name
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": question.title,
        "question": question,
        "hidden": [_CONFIRMED, *question.hidden],
        "rows": [_row(session) for session in question.shown()],
        "more": max(question.count - SHOWN, 0),
        "breadcrumbs": _breadcrumbs(model_admin, question),
        # Since Django 6.1 the breadcrumbs are an ordered list.
        "breadcrumbs_are_a_list": django.VERSION >= (6, 1),
    }
    return TemplateResponse(request, template, context)


def _row(session: DeviceSession) -> tuple[object, ...]:
    times = (time_tag(session.created_at), time_tag(session.last_used_at))
    return (session, render_device(session), *times)


def _breadcrumbs(model_admin: SessionModelAdmin, question: Confirmation) -> list[tuple[str, Any]]:
    opts, site = model_admin.opts, model_admin.admin_site.name
    app_url = reverse("admin:app_list", args=(opts.app_label,), current_app=site)
    trail: list[tuple[str, Any]] = [
        (reverse("admin:index", current_app=site), _("Home")),
        (app_url, opts.app_config.verbose_name),
        (changelist_url(model_admin), capfirst(opts.verbose_name_plural)),
    ]
    if question.session is not None:
        page = session_url(model_admin, question.session, page="change")
        trail.append((page, str(question.session)))
    return trail

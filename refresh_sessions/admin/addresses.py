"""Addresses of the admin's pages about sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.urls import reverse

from refresh_sessions.admin.base import SessionModelAdmin
from refresh_sessions.models import DeviceSession


def list_address(model_admin: SessionModelAdmin, *, query: Mapping[str, Any] | None = None) -> str:
    """Where the list is, narrowed by ``query``."""
    return reverse(
        f"admin:{_prefix(model_admin)}_changelist",
        query=query,
        current_app=model_admin.admin_site.name,
    )


def session_address(model_admin: SessionModelAdmin, session: DeviceSession, *, page: str) -> str:
    """Where one of a session's pages is: ``"change"``, ``"revoke"``."""
    return reverse(
        f"admin:{_prefix(model_admin)}_{page}",
        args=(quote(session.pk),),
        current_app=model_admin.admin_site.name,
    )


def with_filters(model_admin: SessionModelAdmin, request: HttpRequest, address: str) -> str:
    """The address, with the filters of the list that the request's page was opened from."""
    filters = model_admin.get_preserved_filters(request)
    return str(
        add_preserved_filters({"preserved_filters": filters, "opts": model_admin.opts}, address)
    )


def _prefix(model_admin: SessionModelAdmin) -> str:
    return f"{model_admin.opts.app_label}_{model_admin.opts.model_name}"

"""Template tags: ``{% load refresh_sessions %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from refresh_sessions.devices import device_icon
from refresh_sessions.pages.links import page_url

register = template.Library()

# {% device_icon session.kind %}
register.simple_tag(device_icon)


@register.simple_tag(takes_context=True)
def device_page_url(context: Context, name: str, **arguments: Any) -> str:
    """``{% device_page_url "session-end" session_id=session.pk %}``: the URL of a page of devices.

    As ``{% url "refresh_sessions_pages:session-end" session_id=session.pk %}``, and with the
    variables of a prefix below which the pages are mounted.
    """
    # Also where the project does not use the context processor "request".
    request = getattr(context, "request", None) or context.get("request")
    return page_url(request, name, **arguments)

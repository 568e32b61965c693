"""Template tags: ``{% load refresh_sessions %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from refresh_sessions.devices import device_icon, key_icon
from refresh_sessions.pages.links import page_url

register = template.Library()

# {% device_icon session.kind %}
register.simple_tag(device_icon)

# {% key_icon %}
register.simple_tag(key_icon)


@register.simple_tag(takes_context=True)
def device_page_url(context: Context, name: str, **arguments: Any) -> str:
    """The URL of a devices page: ``{% device_page_url "session-end" session_id=session.pk %}``.

    Like ``{% url "refresh_sessions_pages:session-end" session_id=session.pk %}``, with the
    variables of the prefix below which the pages are mounted.
    """
    # Works without the context processor "request" as well.
    request = getattr(context, "request", None) or context.get("request")
    return page_url(request, name, **arguments)

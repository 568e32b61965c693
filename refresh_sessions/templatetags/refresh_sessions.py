"""Template tags: ``{% load refresh_sessions %}``."""

from __future__ import annotations

from django import template

from refresh_sessions.devices import device_icon

register = template.Library()

# {% device_icon session.kind %}
register.simple_tag(device_icon)

"""What the mixins stand on: a model admin to the type checker, nothing at run time.

So they mix with any class of model admin, a themed one included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from refresh_sessions.models import DeviceSession, SessionEvent

if TYPE_CHECKING:
    SessionModelAdmin = admin.ModelAdmin[DeviceSession]
    EventModelAdmin = admin.ModelAdmin[SessionEvent]
    AnyModelAdmin = admin.ModelAdmin[Any]
else:
    # Django's own class takes no type parameter at run time.
    SessionModelAdmin = EventModelAdmin = admin.ModelAdmin
    AnyModelAdmin = object

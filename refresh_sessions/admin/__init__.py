"""Sessions and their events in Django's admin: staff see them, and may end sessions if permitted.

A project with a themed admin registers its own class::

    admin.site.unregister(DeviceSession)


    @admin.register(DeviceSession)
    class ThemedSessionAdmin(SessionAdminMixin, unfold.admin.ModelAdmin): ...

``SessionEvent`` and ``EventAdminMixin`` likewise.
"""

from refresh_sessions.admin.events import EventAdminMixin, SessionEventAdmin
from refresh_sessions.admin.sessions import DeviceSessionAdmin, SessionAdminMixin
from refresh_sessions.admin.user_page import UserSessionsMixin

__all__ = [
    "DeviceSessionAdmin",
    "EventAdminMixin",
    "SessionAdminMixin",
    "SessionEventAdmin",
    "UserSessionsMixin",
]

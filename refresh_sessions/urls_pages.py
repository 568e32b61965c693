"""The HTML pages, for ``path("devices/", include("refresh_sessions.urls_pages"))``."""

from django.urls import path

from refresh_sessions.pages import views
from refresh_sessions.pages.links import APP_NAME

app_name = APP_NAME

urlpatterns = [
    path("", views.SessionListView.as_view(), name="session-list"),
    path("end-others/", views.RevokeOtherSessionsView.as_view(), name="end-others"),
    path("<uuid:session_id>/end/", views.RevokeSessionView.as_view(), name="session-end"),
    path("<uuid:session_id>/rename/", views.RenameSessionView.as_view(), name="session-rename"),
]

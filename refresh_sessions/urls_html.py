"""The page for people, for ``path("devices/", include("refresh_sessions.urls_html"))``."""

from django.urls import path

from refresh_sessions.html import views
from refresh_sessions.html.links import APP_NAME

app_name = APP_NAME

urlpatterns = [
    path("", views.SessionListView.as_view(), name="session-list"),
    path("end-others/", views.EndOthersView.as_view(), name="end-others"),
    path("<uuid:session_id>/end/", views.EndSessionView.as_view(), name="session-end"),
    path("<uuid:session_id>/rename/", views.RenameSessionView.as_view(), name="session-rename"),
]

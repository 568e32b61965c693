"""URLs of the endpoints with the refresh token in the body, whatever ``TRANSPORT`` says.

``path("app/auth/", include("refresh_sessions.urls_body"))``
"""

from refresh_sessions.urls import build_urlpatterns

app_name = "refresh_sessions_body"

urlpatterns = build_urlpatterns("body")

"""URLs of the endpoints with the refresh token in a cookie, whatever ``TRANSPORT`` says.

``path("browser/auth/", include("refresh_sessions.urls_cookie"))``
"""

from refresh_sessions.urls import build_urlpatterns

app_name = "refresh_sessions_cookie"

urlpatterns = build_urlpatterns("cookie")

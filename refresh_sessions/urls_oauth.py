"""URL of the refresh for OAuth libraries, whatever ``TRANSPORT`` says.

``path("oauth/", include("refresh_sessions.urls_oauth"))``
"""

from django.urls import path

from refresh_sessions.rest_framework import views

app_name = "refresh_sessions_oauth"

urlpatterns = [path("token/", views.TokenView.as_view(), name="token")]

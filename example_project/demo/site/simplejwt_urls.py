"""URLs of the page with simplejwt, whose endpoints have the paths of this package."""

from django.urls import path
from rest_framework_simplejwt.views import (
    TokenBlacklistView,
    TokenObtainPairView,
    TokenRefreshView,
)

from example_project.demo.site import simplejwt, views

urlpatterns = [
    path("", views.page, name="demo"),
    path("tab/", views.tab, name="demo-tab"),
    path("code/", views.code, name="demo-code"),
    path("timeline/", simplejwt.timeline, name="demo-timeline"),
    path("staff/revoke/", simplejwt.revoke_as_staff, name="demo-staff-revoke"),
    path("api/me/", simplejwt.MeView.as_view(), name="me"),
    path("auth/login/", TokenObtainPairView.as_view(), name="login"),
    path("auth/refresh/", TokenRefreshView.as_view(), name="refresh"),
    path("auth/logout/", TokenBlacklistView.as_view(), name="logout"),
]

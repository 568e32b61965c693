from django.contrib import admin
from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView


class WhoAmI(APIView):
    """A project view with the authentication and permissions of its settings."""

    permission_classes = (IsAuthenticated,)

    def get(self, request):
        return Response({"user": str(request.user.pk), "session": str(request.auth.session_id)})


urlpatterns = [
    path("admin/", admin.site.urls),
    path("auth/", include("refresh_sessions.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("devices/", include("refresh_sessions.urls_pages")),
    path("who-am-i/", WhoAmI.as_view()),
]

"""A project during its migration, with both packages."""

from django.urls import include, path
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.views import TokenObtainPairView

from refresh_sessions.rest_framework.authentication import AccessTokenAuthentication
from refresh_sessions.rest_framework.permissions import RecentlyAuthenticated
from refresh_sessions.rest_framework.views import LoginView
from tests.migrating.page_code import module

moving_views, moving_from_knox = module("moving_views"), module("moving_from_knox")


class WhoAmI(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request):
        return Response({"user": str(request.user.pk)})


WITH_KNOX = (AccessTokenAuthentication, moving_from_knox.TokenAuthentication)

urlpatterns = [
    path("old/token/", TokenObtainPairView.as_view()),
    path("api/token/", LoginView.as_view()),
    path("api/token/refresh/", moving_views.MovingRefreshView.as_view()),
    path("api/token/blacklist/", moving_views.MovingLogoutView.as_view()),
    path("auth/logout/", moving_views.MovingLogoutView.as_view()),
    path("auth/sessions/revoke-all/", moving_views.MovingRevokeAllView.as_view()),
    path("auth/sessions/revoke-others/", moving_views.MovingRevokeOthersView.as_view()),
    path("auth/", include("refresh_sessions.urls")),
    path("move/", moving_from_knox.MoveView.as_view()),
    path("me/", WhoAmI.as_view()),
    path("sensitive/", WhoAmI.as_view(permission_classes=(RecentlyAuthenticated,))),
    path("with-knox/", WhoAmI.as_view(authentication_classes=WITH_KNOX)),
]

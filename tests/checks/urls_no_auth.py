"""A project that issues access tokens but accepts none: its views lack the authentication class.

REST framework's views read the settings of the tests at import, which name the package's class. So
each view here names the classes that it would have in such a project.
"""

from django.urls import include, path
from django.views.decorators.cache import never_cache
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.response import Response


@api_view()
@authentication_classes([SessionAuthentication, BasicAuthentication])
def me(request):
    return Response({"user": request.user.username, "device": request.auth.session.name})


urlpatterns = [
    path("auth/", include("refresh_sessions.urls")),
    path("api/", include([path("me/", never_cache(me))])),
]

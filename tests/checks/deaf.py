"""A project that issues access tokens and accepts none: the README's first setting is missing.

The settings of the tests name our class, which REST framework's views have taken over as they were
imported; so each view says here what it would have in a project without.
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

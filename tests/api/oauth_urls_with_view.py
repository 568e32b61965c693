"""The refresh for OAuth libraries, beside the other endpoints and a view of the project."""

from django.urls import path

from tests.api.oauth_urls import urlpatterns as oauth_urlpatterns
from tests.urls import WhoAmI

urlpatterns = [*oauth_urlpatterns, path("who-am-i/", WhoAmI.as_view())]

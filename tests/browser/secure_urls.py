"""URLconf of the project over HTTPS: the front end below the prefix that its page expects."""

from django.urls import include, path

urlpatterns = [path("app/", include("tests.browser.front_end_urls"))]

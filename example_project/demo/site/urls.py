"""URLs of the page, and those of the example project."""

from django.urls import include, path

from example_project.demo.site import sessions, views

urlpatterns = [
    path("", views.page, name="demo"),
    path("tab/", views.tab, name="demo-tab"),
    path("code/", views.code, name="demo-code"),
    path("timeline/", sessions.timeline, name="demo-timeline"),
    path("staff/revoke/", sessions.revoke_as_staff, name="demo-staff-revoke"),
    path("open/devices/", sessions.open_devices, name="demo-open-devices"),
    path("open/alarm/", sessions.open_alarm, name="demo-open-alarm"),
    path("", include("example_project.urls")),
]

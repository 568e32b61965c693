"""The addresses of the tests, and beside them pages to compare with and to be warned by."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.urls import include, path

from refresh_sessions.models import DeviceSession

plain = admin.AdminSite(name="plain")


@admin.register(DeviceSession, site=plain)
class PlainSessionAdmin(admin.ModelAdmin):
    """Sessions as Django's own admin shows them, with nothing of ours on the pages."""

    change_form_template = "admin/change_form.html"
    change_list_template = "admin/change_list.html"
    delete_confirmation_template = "admin/delete_confirmation.html"
    list_display = ("name", "user", "created_at")
    search_fields = ("name",)
    search_help_text = "Name of the device."

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return True


def faulty(request):
    """Everything that a page of ours must not do."""
    return HttpResponse(
        """<!doctype html><html lang="en"><head><title>Faulty</title></head>
        <body><main><h1 style="color: red">Faulty</h1>
        <p>Unreadable: <span id="pale">grey on white</span></p><input id="nameless">
        <button id="focusless">Where am I?</button>
        <link rel="stylesheet" href="/faulty.css"><script src="/faulty.js"></script>
        <script>document.title = "Foreign"</script></main></body></html>"""
    )


def faulty_css(request):
    css = "#pale { color: #ccc } #focusless:focus { outline: none }"
    return HttpResponse(css, content_type="text/css")


def faulty_js(request):
    return HttpResponse("throw new Error('broken')", content_type="text/javascript")


urlpatterns = [
    # A project has a login page of its own, where the tests have none to look at.
    path("accounts/login/", LoginView.as_view(template_name="admin/login.html")),
    path("", include("tests.urls")),
    # Ends like the real one, and so do its links: faults have the same places on both.
    path("plain/admin/", plain.urls),
    path("faulty/", faulty),
    path("faulty.css", faulty_css),
    path("faulty.js", faulty_js),
]

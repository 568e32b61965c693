"""URLconf of the tests, with pages for comparison and a page with problems."""

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.urls import include, path

from refresh_sessions.admin import DeviceSessionAdmin, UserSessionsMixin
from refresh_sessions.models import DeviceSession, SessionEvent

plain = admin.AdminSite(name="plain")
plain.register(get_user_model(), UserAdmin)

with_users = admin.AdminSite(name="with_users")
with_users.register(DeviceSession, DeviceSessionAdmin)


@admin.register(get_user_model(), site=with_users)
class UserSessionsAdmin(UserSessionsMixin, UserAdmin):
    """A project's admin of users with device sessions."""


@admin.register(DeviceSession, site=plain)
class PlainSessionAdmin(admin.ModelAdmin):
    """Sessions in Django's own admin, without templates of the package."""

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


@admin.register(SessionEvent, site=plain)
class PlainEventAdmin(admin.ModelAdmin):
    """Events in Django's own admin."""

    change_list_template = "admin/change_list.html"
    list_display = ("kind", "session", "created_at")
    search_fields = ("kind",)
    search_help_text = "Kind of event."

    def has_change_permission(self, request, obj=None):
        return False


def faulty(request):
    """A page with everything that the package's pages must not have."""
    nonce = getattr(request, "_csp_nonce", "")
    return HttpResponse(
        f"""<!doctype html><html lang="en"><head><title>Faulty</title></head>
        <body><main><h1 style="color: red">Faulty</h1>
        <p>Unreadable: <span id="pale">grey on white</span>,
        <span id="night">at night as well</span></p><input id="nameless">
        <link rel="stylesheet" href="/faulty.css" nonce="{nonce}">
        <script src="/faulty.js" nonce="{nonce}"></script>
        <script>document.title = "Foreign"</script></main></body></html>"""
    )


def faulty_css(request):
    css = "#pale { color: #ccc } @media (prefers-color-scheme: dark) { #night { color: #ccc } }"
    return HttpResponse(css, content_type="text/css")


def faulty_js(request):
    return HttpResponse("throw new Error('broken')", content_type="text/javascript")


urlpatterns = [
    # Projects have a login page; the URLconf of the tests has none.
    path("accounts/login/", LoginView.as_view(template_name="admin/login.html")),
    path("", include("tests.urls")),
    # The same path suffixes and links as the real admin, so that elements have equal selectors.
    path("plain/admin/", plain.urls),
    path("with-users/admin/", with_users.urls),
    path("faulty/", faulty),
    path("faulty.css", faulty_css),
    path("faulty.js", faulty_js),
]

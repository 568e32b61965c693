"""Views of the page in the mode "as simplejwt", with the means that simplejwt has."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from example_project.demo.accounts import PASSWORD, USERNAME


def prepare() -> None:
    """Create the tables and Ada, before the server starts."""
    call_command("migrate", verbosity=0, interactive=False)
    User.objects.create_user(USERNAME, password=PASSWORD)


class MeView(APIView):
    """``GET /api/me/``: the user of the request. There is no session to name."""

    def get(self, request: Request) -> Response:
        """Answer with the user."""
        return Response({"id": request.user.pk, "username": request.user.get_username()})


@require_safe
def timeline(request: HttpRequest) -> HttpResponse:
    """``/timeline/``: empty, because simplejwt records no events."""
    return JsonResponse({"events": []})


@require_POST
def revoke_as_staff(request: HttpRequest) -> HttpResponse:
    """``/staff/revoke/``: blacklist each refresh token of Ada, which staff can do in the admin.

    Her access tokens stay valid until they expire.
    """
    outstanding = OutstandingToken._default_manager.filter(user__username=USERNAME)
    rows = [BlacklistedToken(token=token) for token in outstanding.filter(blacklistedtoken=None)]
    BlacklistedToken._default_manager.bulk_create(rows, ignore_conflicts=True)
    return JsonResponse({"revoked": bool(rows)})

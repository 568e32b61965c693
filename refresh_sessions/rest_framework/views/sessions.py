"""``sessions/``: the user's own sessions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions.conf import get_settings
from refresh_sessions.models import DeviceSession, RevokedReason
from refresh_sessions.models.sessions import DeviceSessionQuerySet
from refresh_sessions.redaction import hide
from refresh_sessions.rest_framework.exceptions import TokenFamilyOverCookie
from refresh_sessions.rest_framework.serializers import build_token_body
from refresh_sessions.rest_framework.views.base import OwnSessionsView, PresentedTokenView
from refresh_sessions.sessions import (
    open_family,
    revoke_by_holder,
    revoke_session,
    revoke_user_sessions,
)
from refresh_sessions.sessions.queries import LISTED, last_used_first, own_live_sessions
from refresh_sessions.transports import get_transport


class LiveSessionsView(OwnSessionsView):
    """Base of the session list and the single session."""

    def get_queryset(self) -> DeviceSessionQuerySet:
        """The user's own active sessions; other sessions get a 404 (ASVS 8.2.2)."""
        return own_live_sessions(self.owner)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """The serializer of the setting ``SESSION_SERIALIZER``."""
        context = {**self.serializer_context, "current_session_id": self.grant.session_id}
        return import_string(get_settings().SESSION_SERIALIZER)(*args, context=context, **kwargs)


class SessionListView(LiveSessionsView):
    """The list of the user's active sessions."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with this session, then the most recently used ones, at most ``LISTED``."""
        sessions = last_used_first(self.get_queryset(), current=self.grant.session_id)
        return Response(self.get_serializer(sessions[:LISTED], many=True).data)


class SessionDetailView(LiveSessionsView):
    """One session: read, rename or revoke it."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with the session."""
        return Response(self.get_serializer(self.get_object()).data)

    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rename the session and answer with it."""
        session = self.get_object()
        serializer = self.get_serializer(session, data=self.json_body)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data)

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Revoke the session; for the session of the request this is a logout."""
        session = self.get_object()
        own = session.pk == self.grant.session_id
        if not own:
            self.require_reauthentication_to_revoke()
        response = Response(status=status.HTTP_204_NO_CONTENT)
        if own:
            revoke_by_holder(self.grant.claims, session, request=self.http_request)
            get_transport(self.http_request).clear(self.http_request, response)
        else:
            revoke_session(
                session, reason=RevokedReason.USER, by=self.owner, request=self.http_request
            )
        return response

    def get_object(self) -> DeviceSession:
        """The session of the URL.

        Raises:
            Http404: the id is not a UUID, or not of an active session of the user.

        """
        try:
            session_id = UUID(self.kwargs["session_id"])
        except ValueError:
            raise Http404 from None
        session = self.get_queryset().filter(pk=session_id).first()
        if session is None:
            raise Http404
        return session


class OpenFamilyView(PresentedTokenView, OwnSessionsView):
    """Opens a token family for a second process of the same device.

    Requires the refresh token and the access token of the caller. Not with the cookie transport:
    a cookie holds one family, and tokens in the body would be exposed to scripts.
    """

    @property
    def proof_of_child(self) -> str | None:
        """The field ``dpop``: a DPoP proof of the key of the new family, or None.

        Raises:
            ValidationError: the field is not a string.

        """
        proof = hide(self.json_body.get("dpop"))
        if proof is not None and not isinstance(proof, str):
            raise ValidationError({"dpop": [_("Not a string.")]})
        return proof

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with 201, the body of a login, and the caller's new tokens in ``current``."""
        if not get_transport(self.http_request).in_body:
            raise TokenFamilyOverCookie
        families = open_family(
            self.grant, self.claims, request=self.http_request, proof=self.proof_of_child
        )
        response = self.token_response(families.opened, status=status.HTTP_201_CREATED)
        response.data["current"] = build_token_body(families.current, request=self.http_request)
        return response


class RevokeOthersView(OwnSessionsView):
    """Revokes all other sessions of the user."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with the number of revoked sessions."""
        self.require_reauthentication_to_revoke()
        revoked = revoke_user_sessions(
            self.owner,
            keep=self.grant.session_id,
            reason=RevokedReason.USER,
            by=self.owner,
            request=self.http_request,
        )
        return Response({"revoked": revoked})


class RevokeAllView(OwnSessionsView):
    """Revokes all sessions of the user, the session of the request included."""

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with the number of revoked sessions."""
        self.require_reauthentication_to_revoke()
        revoked = revoke_user_sessions(
            self.owner,
            reason=RevokedReason.USER,
            by=self.owner,
            request=self.http_request,
            logout_token=self.grant.claims.place,
        )
        response = Response({"revoked": revoked})
        get_transport(self.http_request).clear(self.http_request, response)
        return response

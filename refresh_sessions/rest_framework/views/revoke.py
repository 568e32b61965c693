"""``POST revoke/``: end the session of a token (RFC 7009)."""

from __future__ import annotations

from typing import Any

from django.views.decorators.debug import sensitive_variables
from rest_framework.request import Request
from rest_framework.response import Response

from refresh_sessions.exceptions import InvalidTokenError
from refresh_sessions.hidden import hide
from refresh_sessions.rest_framework.views.about_tokens import AboutTokenView
from refresh_sessions.sessions import sign_out
from refresh_sessions.tokens import access, refresh
from refresh_sessions.tokens.access import AccessClaims
from refresh_sessions.tokens.refresh import RefreshClaims


class RevokeView(AboutTokenView):
    """Whoever presents a token, used or expired as it may be, can do so.

    The answer is the same for a token that was never ours: nothing is left to be revoked. Both
    kinds of token can be revoked, so ``unsupported_token_type`` never occurs, and a hint, which
    RFC 7009 has servers ignore where it is wrong, is not needed to find the token.
    """

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Answer with nothing."""
        claims = read_claims(self.token)
        if claims is not None:
            sign_out(claims, request=self.http_request)
        return Response()


@sensitive_variables()
def read_claims(token: str) -> AccessClaims | RefreshClaims | None:
    """What a token of ours says, of whichever kind it is, or None if it is none."""
    token = hide(token)
    try:
        return refresh.verify(token)
    except InvalidTokenError:
        pass
    try:
        return access.verify(token, allow_expired=True)
    except InvalidTokenError:
        return None

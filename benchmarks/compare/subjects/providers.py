"""Tokens of django-oauth-toolkit and of allauth headless."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from benchmarks.compare.calls import Answer, Call, Tokens, bearer, post_form, post_json
from benchmarks.compare.subjects.base import BATCH, LONG_AGO, PASSWORD, Subject
from benchmarks.compare.subjects.peers import add_expired_django_sessions

_CLIENT_ID: Final = "first-party-app"


class OAuthToolkit(Subject):
    name = "oauth-toolkit"
    title = "oauth-toolkit"
    notes = (
        "Password grant and refresh grant of a public client, with "
        "`REFRESH_TOKEN_REUSE_PROTECTION`. The database stores the tokens."
    )
    distribution = "django-oauth-toolkit"
    apps = ("oauth2_provider",)
    authentication = "oauth2_provider.contrib.rest_framework.OAuth2Authentication"
    prune_command = "cleartokens"
    provider: ClassVar[Mapping[str, Any]] = {
        "ACCESS_TOKEN_EXPIRE_SECONDS": 900,
        "REFRESH_TOKEN_EXPIRE_SECONDS": 7 * 86_400,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    }

    def django_settings(self) -> Mapping[str, Any]:
        return {"OAUTH2_PROVIDER": dict(self.provider)}

    def urlpatterns(self) -> list[Any]:
        from django.urls import include, path

        return [path("o/", include("oauth2_provider.urls", namespace="oauth2_provider"))]

    def prepare(self) -> None:
        from oauth2_provider.models import Application

        Application.objects.create(
            name="First-party app",
            client_id=_CLIENT_ID,
            client_type=Application.CLIENT_PUBLIC,
            authorization_grant_type=Application.GRANT_PASSWORD,
        )

    def login(self, username: str) -> Call:
        return self._token("password", username=username, password=PASSWORD)

    def read_login(self, answer: Answer) -> Tokens:
        data = answer.json()
        return Tokens(data["access_token"], data["refresh_token"])

    def refresh(self, tokens: Tokens) -> Call | None:
        return self._token("refresh_token", refresh_token=tokens.refresh or "")

    def logout(self, tokens: Tokens) -> Call | None:
        data = {"token": tokens.refresh or "", "client_id": _CLIENT_ID}
        return post_form("/o/revoke_token/", {**data, "token_type_hint": "refresh_token"})

    @staticmethod
    def _token(grant_type: str, **data: str) -> Call:
        return post_form("/o/token/", {"grant_type": grant_type, "client_id": _CLIENT_ID, **data})

    def add_expired_sessions(self, users: Sequence[int], refreshes: int) -> None:
        from oauth2_provider.models import AccessToken, Application, RefreshToken

        application = Application.objects.get()
        # A rotation deletes the access token and keeps the refresh token as revoked.
        access = AccessToken.objects.bulk_create(
            (self._access_token(AccessToken, user, application) for user in users),
            batch_size=BATCH,
        )
        RefreshToken.objects.bulk_create(
            (
                RefreshToken(
                    user_id=row.user_id,
                    application=application,
                    token=(token := secrets.token_urlsafe(32)),
                    token_checksum=token,
                    access_token=None if number else row,
                    revoked=LONG_AGO if number else None,
                )
                for row in access
                for number in range(refreshes + 1)
            ),
            batch_size=BATCH,
        )
        RefreshToken.objects.update(created=LONG_AGO, updated=LONG_AGO)

    @staticmethod
    def _access_token(model: Any, user: int, application: Any) -> Any:
        token = secrets.token_urlsafe(32)
        return model(
            user_id=user,
            application=application,
            token=token,
            token_checksum=token,
            expires=LONG_AGO,
            scope="read write",
        )


class OAuthToolkitGrace(OAuthToolkit):
    name = "oauth-toolkit-grace"
    title = "oauth-toolkit, 120 s grace"
    notes = "The same with `REFRESH_TOKEN_GRACE_PERIOD_SECONDS` of 120."
    provider: ClassVar[Mapping[str, Any]] = {
        **OAuthToolkit.provider,
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 120,
    }


class OAuthToolkitHashed(OAuthToolkit):
    name = "oauth-toolkit-hashed"
    title = "oauth-toolkit, hashed tokens"
    notes = (
        "The same with `COMPLIANT_BCP_RFC9700_TOKEN_STORAGE`, without grace: its check "
        "`oauth2_provider.E001` refuses both together, because grace answers with a stored token."
    )
    provider: ClassVar[Mapping[str, Any]] = {
        **OAuthToolkit.provider,
        "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    }


class Allauth(Subject):
    name = "allauth"
    title = "allauth headless, JWT"
    notes = (
        "Its JWT strategy with `HS256` and its defaults: refresh tokens rotate, access tokens are "
        "checked without the session."
    )
    distribution = "django-allauth"
    apps = (
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.headless",
    )
    middleware = (
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    )
    authentication = (
        "allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication"
    )
    prune_command = "clearsessions"
    stateful: ClassVar[bool] = False

    def django_settings(self) -> Mapping[str, Any]:
        return {
            "AUTHENTICATION_BACKENDS": [
                "django.contrib.auth.backends.ModelBackend",
                "allauth.account.auth_backends.AuthenticationBackend",
            ],
            "ACCOUNT_EMAIL_VERIFICATION": "none",
            "HEADLESS_ONLY": True,
            "HEADLESS_CLIENTS": ("app",),
            "HEADLESS_TOKEN_STRATEGY": "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy",
            "HEADLESS_JWT_ALGORITHM": "HS256",
            "HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED": self.stateful,
        }

    def missing(self) -> str | None:
        reason = super().missing()
        if reason is not None:
            return reason
        from importlib.util import find_spec

        try:
            found = find_spec("allauth.headless.tokens.strategies.jwt")
        except ModuleNotFoundError:
            found = None
        return None if found else f"{self.version()} has no JWT strategy"

    def urlpatterns(self) -> list[Any]:
        from django.urls import include, path

        return [path("_allauth/", include("allauth.headless.urls"))]

    def login(self, username: str) -> Call:
        data = {"username": username, "password": PASSWORD}
        return post_json("/_allauth/app/v1/auth/login", data)

    def read_login(self, answer: Answer) -> Tokens:
        data = answer.json()
        tokens = data["meta"] if "meta" in data else data["data"]
        return Tokens(tokens["access_token"], tokens.get("refresh_token"))

    def refresh(self, tokens: Tokens) -> Call | None:
        return post_json("/_allauth/app/v1/tokens/refresh", {"refresh_token": tokens.refresh})

    def read_refresh(self, tokens: Tokens, answer: Answer) -> Tokens:
        data = answer.json()["data"]
        return Tokens(data["access_token"], data.get("refresh_token") or tokens.refresh)

    def logout(self, tokens: Tokens) -> Call | None:
        return Call("DELETE", "/_allauth/app/v1/auth/session", headers=bearer(tokens.access))

    def succeeded(self, operation: str, answer: Answer) -> bool:
        # Its answer to a logout says that the client is not authenticated.
        return answer.status == 401 if operation == "logout" else answer.successful  # noqa: PLR2004

    def add_expired_sessions(self, users: Sequence[int], refreshes: int) -> None:
        add_expired_django_sessions(users)


class AllauthStateful(Allauth):
    name = "allauth-stateful"
    title = "allauth headless, stateful JWT"
    notes = "The same with `HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED`."
    stateful = True

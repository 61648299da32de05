"""Single sign-on: allauth's OpenID Connect up to the point where the claims are here.

What follows is ours (`members.views`): a hospital's service verifies an address as a code does,
and nothing else of what it says is stored. Imported only where a provider is set: allauth's part
and `requests` take memory.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialApp, SocialToken
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from requests import RequestException

from members.auth.sso_claims import UntrustedClaimError, verified_email
from members.auth.sso_providers import Provider
from members.normalize import clean_text

logger = logging.getLogger("portal.sso")
NEXT_URL_SESSION_KEY = "sso_next_url"
# What allauth's code raises at a provider that does not speak OpenID Connect.
PROTOCOL_ERRORS = (OAuth2Error, RequestException, AttributeError, KeyError, TypeError, ValueError)


class Problem(Enum):
    """Why nobody was signed in by a provider."""

    # The person, or the provider, refused.
    DENIED = auto()
    # Begun too long ago, in another browser, or not at all.
    EXPIRED = auto()
    # The provider is down, or its responses make no sense.
    UNAVAILABLE = auto()
    # There is no address that the provider may verify.
    UNTRUSTED = auto()


class SsoError(Exception):
    """Nobody was signed in; `problem` is the reason, which the page gives."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.name)
        self.problem = problem


@dataclass(frozen=True)
class VerifiedIdentity:
    """A person whose address a provider has verified."""

    email: str
    name: str
    next_url: str


class SocialAdapter(DefaultSocialAccountAdapter):
    """allauth's hooks, `settings.SOCIALACCOUNT_ADAPTER`."""

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> NoReturn:
        """Raise SsoError, which becomes our page, where allauth would show its own."""
        if exception:
            raise exception
        if error == AuthError.CANCELLED or request.GET.get("error") == "access_denied":
            raise SsoError(Problem.DENIED)
        # Where the state is not one of ours, allauth passes it on; else the provider failed.
        raise SsoError(
            Problem.EXPIRED if "state_id" in (extra_context or {}) else Problem.UNAVAILABLE
        )


class HospitalAdapter(OpenIDConnectOAuth2Adapter):
    """Talks to one provider of the settings."""

    def __init__(self, request: HttpRequest, provider_id: str) -> None:
        super().__init__(request, provider_id)
        self.provider: Provider = settings.SSO_PROVIDERS[provider_id]
        self.identity: VerifiedIdentity | None = None

    def get_provider(self) -> "HospitalProvider":
        app = SocialApp(
            provider="openid_connect",
            provider_id=self.provider.key,
            name=self.provider.name,
            client_id=self.provider.client_id,
            secret=self.provider.client_secret,
            settings={"server_url": self.provider.issuer.rstrip("/"), "oauth_pkce_enabled": True},
        )
        return HospitalProvider(self.request, app=app)

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return the address that the hospital has registered, however the portal was reached."""
        return f"{settings.SITE_URL}{reverse('sso_callback', args=[self.provider.key])}"

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> NoReturn:
        """Keep the identity, and leave allauth, whose own way on from here is not ours."""
        claims = self._claims(app, token, kwargs["response"])
        self.identity = VerifiedIdentity(
            email=verified_email(self.provider, claims),
            name=clean_text(str(claims.get("name") or ""))[:120],
            next_url=str(request.session.pop(NEXT_URL_SESSION_KEY, "")),
        )
        raise ImmediateHttpResponse(HttpResponse())

    def _claims(self, app: SocialApp, token: SocialToken, response: Any) -> dict[str, Any]:
        """Return what the provider says of the person: the claims of the id token and, where it
        lacks the address or whether that is verified, those of the userinfo endpoint.

        The issuer must be the one of the settings, not only the one that its own page names; the
        userinfo endpoint must speak of the same person and the same address.
        """
        # Private, but the check of audience and expiry is not to be written twice.
        claims: dict[str, Any] = self._decode_id_token(app, response["id_token"])
        if claims["iss"].rstrip("/") != self.provider.issuer.rstrip("/"):
            raise OAuth2Error("issued by another")
        is_complete = "email" in claims and (
            self.provider.email_trusted or "email_verified" in claims
        )
        if is_complete or "userinfo_endpoint" not in self.openid_config:
            return claims
        user_info = self._fetch_claims(token.token)
        email = user_info.get("email")
        if user_info["sub"] != claims["sub"] or claims.get("email", email) != email:
            raise OAuth2Error("about another person")
        return {**claims, **user_info}

    def _fetch_claims(self, access_token: str) -> dict[str, Any]:
        """Return the claims of the userinfo endpoint."""
        headers = {"Authorization": f"Bearer {access_token}"}
        with get_adapter().get_requests_session() as session:
            response = session.get(self.profile_url, headers=headers)
            response.raise_for_status()
        claims: dict[str, Any] = response.json()
        return claims


class HospitalProvider(OpenIDConnectProvider):
    oauth2_adapter_class = HospitalAdapter


@contextmanager
def _raise_sso_errors(provider: Provider) -> Iterator[None]:
    """Turn every way to fail into an SsoError, with a line in the log that names no person."""
    try:
        yield
    except UntrustedClaimError as error:
        logger.warning("Sign-in by %s refused: %s", provider.key, error)
        raise SsoError(Problem.UNTRUSTED) from error
    except PROTOCOL_ERRORS as error:
        # The text of an error may repeat what the provider sent about the person.
        logger.error("Sign-in by %s failed: %s", provider.key, type(error).__name__)
        raise SsoError(Problem.UNAVAILABLE) from error


def begin(request: HttpRequest, provider: Provider, next_url: str) -> HttpResponse:
    """Return the redirect to `provider`. Raises SsoError."""
    with _raise_sso_errors(provider):
        oauth_provider = HospitalAdapter(request, provider.key).get_provider()
        request.session[NEXT_URL_SESSION_KEY] = next_url
        response: HttpResponse = oauth_provider.redirect(request, AuthProcess.LOGIN)
        return response


def finish(request: HttpRequest, provider: Provider) -> VerifiedIdentity:
    """Return who came back from `provider`. Raises SsoError."""
    with _raise_sso_errors(provider):
        adapter = HospitalAdapter(request, provider.key)
        OAuth2CallbackView.adapter_view(adapter)(request)
        if adapter.identity is None:
            raise OAuth2Error("no claims")
        return adapter.identity

"""Single sign-on: allauth's OpenID Connect up to the point where somebody's claims are here.

What follows is ours (`members.views`): a hospital's service proves an address as a code does, and
nothing of its own is stored about anybody. Imported only where a provider is set: allauth's part
and `requests` take memory.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
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

logger = logging.getLogger("portal.sso")
# What a provider that does not speak OpenID Connect makes of allauth's code.
BROKEN = (OAuth2Error, RequestException, AttributeError, KeyError, TypeError, ValueError)


class Problem(Enum):
    """Why nobody came in by a provider."""

    DENIED = auto()  # the person, or the provider, said no
    STALE = auto()  # begun too long ago, elsewhere, or not at all
    BROKEN = auto()  # the provider is down, or answers nonsense
    NOT_BELIEVED = auto()  # no address that the provider may vouch for


class SsoError(Exception):
    """Nobody came in; `problem` says which page tells them."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.name)
        self.problem = problem


@dataclass(frozen=True)
class Arrival:
    """Somebody whose address a provider has proven."""

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
        """Instead of allauth's page: SsoError, which becomes ours."""
        if exception:
            raise exception
        if error == AuthError.CANCELLED or request.GET.get("error") == "access_denied":
            raise SsoError(Problem.DENIED)
        # Without a state that we know, allauth names the one that came; else the provider failed.
        raise SsoError(Problem.STALE if "state_id" in (extra_context or {}) else Problem.BROKEN)


class HospitalAdapter(OpenIDConnectOAuth2Adapter):
    """Talks with one provider of the settings."""

    def __init__(self, request: HttpRequest, provider_id: str) -> None:
        super().__init__(request, provider_id)
        self.ours: Provider = settings.SSO_PROVIDERS[provider_id]
        self.state: dict[str, Any] = {}
        self.arrival: Arrival | None = None

    def get_provider(self) -> "HospitalProvider":
        app = SocialApp(
            provider="openid_connect",
            provider_id=self.ours.key,
            name=self.ours.name,
            client_id=self.ours.client_id,
            secret=self.ours.client_secret,
            settings={"server_url": self.ours.issuer.rstrip("/"), "oauth_pkce_enabled": True},
        )
        return HospitalProvider(self.request, app=app)

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """The address that the hospital has registered, however the portal was reached."""
        return f"{settings.SITE_URL}{reverse('sso_callback', args=[self.ours.key])}"

    def complete_login(
        self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any
    ) -> NoReturn:
        """Keep who arrived, and leave allauth, whose own way on from here is not ours."""
        claims = self._claims(app, token, kwargs["response"])
        self.arrival = Arrival(
            email=verified_email(self.ours, claims),
            name=" ".join(str(claims.get("name") or "").split())[:120],
            next_url=str(self.state.get("next") or ""),
        )
        raise ImmediateHttpResponse(HttpResponse())

    def _claims(self, app: SocialApp, token: SocialToken, response: Any) -> dict[str, Any]:
        """What the provider says of the person: in the token, and where that does not tell the
        address and whether it is verified, at a second place too.

        The issuer is the one that was set, not only the one that its own page names; the second
        place must speak about the same person and the same address.
        """
        told: dict[str, Any] = self._decode_id_token(app, response["id_token"])
        if told["iss"].rstrip("/") != self.ours.issuer.rstrip("/"):
            raise OAuth2Error("issued by another")
        is_whole = "email" in told and (self.ours.email_trusted or "email_verified" in told)
        if is_whole or "userinfo_endpoint" not in self.openid_config:
            return told
        more: dict[str, Any] = self._fetch_user_info(token.token)
        if more["sub"] != told["sub"] or told.get("email", more.get("email")) != more.get("email"):
            raise OAuth2Error("about another person")
        return {**told, **more}


class HospitalProvider(OpenIDConnectProvider):
    oauth2_adapter_class = HospitalAdapter


class HospitalCallback(OAuth2CallbackView):
    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[Any, Any]:
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response


@contextmanager
def _told(provider: Provider) -> Iterator[None]:
    """Every way to fail as an SsoError, with a line in the log that names no person."""
    try:
        yield
    except UntrustedClaimError as error:
        logger.warning("Sign-in by %s refused: %s", provider.key, error)
        raise SsoError(Problem.NOT_BELIEVED) from error
    except BROKEN as error:
        # The text of an error may repeat what the provider sent about somebody.
        logger.error("Sign-in by %s failed: %s", provider.key, type(error).__name__)
        raise SsoError(Problem.BROKEN) from error


def begin(request: HttpRequest, provider: Provider, next_url: str) -> HttpResponse:
    """Send the browser to `provider`; raises SsoError."""
    with _told(provider):
        ours = HospitalAdapter(request, provider.key).get_provider()
        response: HttpResponse = ours.redirect(request, AuthProcess.LOGIN, next_url=next_url)
        return response


def finish(request: HttpRequest, provider: Provider) -> Arrival:
    """Who came back from `provider`; raises SsoError."""
    with _told(provider):
        adapter = HospitalAdapter(request, provider.key)
        HospitalCallback.adapter_view(adapter)(request)
        if adapter.arrival is None:
            raise OAuth2Error("nobody arrived")
        return adapter.arrival

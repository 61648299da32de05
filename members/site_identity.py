"""The names and the logo of the site as pages and emails show them."""

from django.core.cache import caches

from members.fragments import cached_fragment
from members.models import SiteIdentity

# As long as other parts of pages, so that a change is seen within two seconds.
CACHE_SECONDS = 1
_LAST_KNOWN = "last-known-site-identity"


def site_identity() -> SiteIdentity:
    """Return the names of the site and what is known of its logo, up to CACHE_SECONDS old."""
    return cached_fragment("site-identity", _load, CACHE_SECONDS)


def last_known_identity() -> SiteIdentity:
    """Return them as this process read them last, for pages that ask no database."""
    identity: SiteIdentity = caches["fragments"].get(_LAST_KNOWN) or SiteIdentity()
    return identity


def _load() -> SiteIdentity:
    identity = SiteIdentity.objects.defer("logo").first() or SiteIdentity()
    caches["fragments"].set(_LAST_KNOWN, identity, None)
    return identity

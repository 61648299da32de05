"""The desk's list of organizations: recognizing one releases everybody who waits for it.

It belongs to `teams`, since its pages count requests.
"""

from desk.records.organizations.records import OrganizationAdmin

__all__ = ["OrganizationAdmin"]

"""Everything that can happen to members and organizations.

Each function is one transaction that checks the stored state under a lock, writes history
and tells `teams` through the one signal. A step that is not allowed raises Refused, whose
text is written for the person who tried. Against deadlocks: locks are taken in the order
organization, members, memberships, and as `no_key`, so that a history row which only refers
to a locked person or organization does not wait.
"""

from members.services.affiliations import (
    affiliate_member,
    confirm_affiliation,
    locked_organization,
    unconfirm_affiliation,
)
from members.services.deciding import (
    Foreseen,
    foresee,
    take_decision,
    undo_decision,
    work_off,
)
from members.services.importing import (
    OrganizationImport,
    RefusedCell,
    organizations_named,
    parts,
    store_all,
)
from members.services.merging import merge_organizations, rename_organization
from members.services.organizations import (
    add_domain,
    add_organization,
    decline_organization,
    recognize_organization,
    remove_domain,
)
from members.services.people import (
    change_profile,
    erase_member,
    fill_in_profile,
    lock_administrators,
    welcome_member,
)
from members.services.recording import (
    Refused,
    lock_open_account,
    one_line,
    record,
    record_all,
    remove,
)
from members.services.requeueing import failed_mails, requeue_mails
from members.services.second_factor import (
    note_second_factor,
    relock_second_factors,
    reset_second_factor,
    second_factors,
)
from members.services.sessions import end_sessions, places_signed_in

__all__ = [
    "Foreseen",
    "OrganizationImport",
    "Refused",
    "RefusedCell",
    "add_domain",
    "add_organization",
    "affiliate_member",
    "change_profile",
    "confirm_affiliation",
    "decline_organization",
    "end_sessions",
    "erase_member",
    "failed_mails",
    "fill_in_profile",
    "foresee",
    "lock_administrators",
    "lock_open_account",
    "locked_organization",
    "note_second_factor",
    "merge_organizations",
    "one_line",
    "organizations_named",
    "parts",
    "places_signed_in",
    "recognize_organization",
    "record",
    "record_all",
    "relock_second_factors",
    "remove",
    "remove_domain",
    "rename_organization",
    "requeue_mails",
    "reset_second_factor",
    "second_factors",
    "store_all",
    "take_decision",
    "unconfirm_affiliation",
    "undo_decision",
    "welcome_member",
    "work_off",
]

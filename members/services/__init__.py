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
    unconfirm_affiliation,
)
from members.services.deciding import (
    Foreseen,
    foresee,
    take_decision,
    undo_decision,
    work_off,
)
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
    remove,
)

__all__ = [
    "Foreseen",
    "Refused",
    "add_domain",
    "add_organization",
    "affiliate_member",
    "change_profile",
    "confirm_affiliation",
    "decline_organization",
    "erase_member",
    "fill_in_profile",
    "foresee",
    "lock_administrators",
    "lock_open_account",
    "one_line",
    "recognize_organization",
    "record",
    "remove",
    "remove_domain",
    "take_decision",
    "unconfirm_affiliation",
    "undo_decision",
    "welcome_member",
    "work_off",
]

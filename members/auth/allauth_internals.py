"""What we use of allauth that it does not promise to keep, all in one place.

Look here at each update of allauth. For none of these is there a public way:

ratelimit              sliding windows that can be counted by any key, with rates of our own
record_authentication  notes in the session by which method someone signed in
post_authentication    notes that an authenticator was used, and by whom
unstash_login          the sign-in of this browser that waits for its second step
"""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.stagekit import unstash_login
from allauth.core.internal import ratelimit
from allauth.mfa.base.internal.flows import post_authentication

__all__ = ["post_authentication", "ratelimit", "record_authentication", "unstash_login"]

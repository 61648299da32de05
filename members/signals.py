"""The one domain signal of our own: `members` tells `teams` what it decided about people."""

from django.dispatch import Signal

# Sent inside the deciding transaction, with sender=Organization and
#   members: the people whose affiliation was decided, a list
#   confirmed: True when their affiliation stands now, False when the organization was declined
#   reason: why it was declined, else ""
#   by: the member who decided, or None when the email domain did
#   undone_since: None; else the decision is being undone that was taken at this time, and a
#       receiver raises Refused where something was built on it since
affiliations_decided = Signal()

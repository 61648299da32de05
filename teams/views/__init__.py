"""Pages about teams: what everybody reads, how to join, and what members do."""

"""Pages about teams: what everybody reads, the way in, and what members do."""

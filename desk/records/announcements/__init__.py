"""Announcements at the desk: writing them, sending them, and what became of each email."""

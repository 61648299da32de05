"""Memberships and requests at the desk, and adding a member directly."""

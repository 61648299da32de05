"""Meetings at the desk: planning them, and what is decided about them."""

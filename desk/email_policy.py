"""What a page may load that is the HTML part of an email, shown in a frame."""

# Emails carry their styles in the page. Nothing else is allowed there, least of all a script; only
# pages of the portal show one in a frame.
EMAIL_POLICY = {
    "default-src": ["'none'"],
    "script-src": ["'none'"],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
    "base-uri": ["'none'"],
    "form-action": ["'none'"],
    "frame-ancestors": ["'self'"],
}
FRAME_POLICY = {"frame-src": ["'self'"]}

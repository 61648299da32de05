"""The style sheets of the portal: several files to read and edit, one file to load."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

# In the order in which they apply.
SHEETS = [
    f"portal/{name}.css"
    for name in (
        "tokens", "base", "frame", "forms", "components", "lists", "drawings", "pages",
        "meetings", "resources", "areas", "print",
    )
]  # fmt: skip
# Beside its parts, so that the addresses in them stay right.
BUNDLE = "portal/portal.css"


class BundlingStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # no stubs
    """Static files as WhiteNoise stores them; `collectstatic` also joins the sheets into one, so
    that a first visit does not wait for nine requests."""

    sheets = (BUNDLE,)

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        """Write the bundle, then hash and compress it with all other files."""
        if not dry_run:
            parts = [Path(self.path(sheet)).read_text(encoding="utf-8") for sheet in SHEETS]
            Path(self.path(BUNDLE)).write_text("\n".join(parts), encoding="utf-8")
            paths[BUNDLE] = (self, BUNDLE)
        yield from super().post_process(paths, dry_run, **options)

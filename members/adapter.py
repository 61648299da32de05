"""What we change in allauth: its messages are not shown, our pages say what happened."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is untyped
    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: “Successfully signed in as …” tells nobody anything new."""

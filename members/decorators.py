"""Addresses that only take what a form sends."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

View = Callable[..., HttpResponse]


def post_only(redirect_to: str, *, with_args: bool = True) -> Callable[[View], View]:
    """Let the view answer POST alone, and send who opens its address to the page `redirect_to`.

    That happens after a sign-in that came between the button and the page, on "back", or with a
    bookmark, where a blank "method not allowed" would leave people stranded. The page is named as
    in the URLs and takes the same arguments as the view, or none where `with_args` is False. Other
    methods get 405.
    """

    def decorate(view: View) -> View:
        post_view = require_POST(view)

        @wraps(view)
        def redirect_or_post(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in {"GET", "HEAD"}:
                return post_view(request, *args, **kwargs)
            return redirect(redirect_to, *args, **kwargs) if with_args else redirect(redirect_to)

        return redirect_or_post

    return decorate

"""Addresses that only take what a form sends."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

View = Callable[..., HttpResponse]


def post_only(otherwise: str, *, alone: bool = False) -> Callable[[View], View]:
    """The view answers POST alone; who opens its address is sent to the page `otherwise`.

    That happens after a sign-in that came between the press and the page, on "back", or with a
    bookmark: a blank "method not allowed" would help nobody. The page is named as in the URLs
    and takes the same arguments, or none (`alone`). Other methods get 405.
    """

    def decorate(view: View) -> View:
        posted = require_POST(view)

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            answer: HttpResponse
            if request.method in {"GET", "HEAD"}:
                answer = redirect(otherwise) if alone else redirect(otherwise, *args, **kwargs)
            else:
                answer = posted(request, *args, **kwargs)
            return answer

        return guarded

    return decorate

"""Tokens: one's own API tokens, for DICOMweb and scripts."""

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from medarchive.web.accounts.models import Token
from medarchive.web.accounts.record import Actor
from medarchive.web.gate import needs

__all__ = ["revoke", "tokens"]

_MOST = 50


class TokenForm(forms.Form):
    """A new token."""

    name = forms.CharField(max_length=64, help_text="What it is for.")
    scope = forms.ChoiceField(
        label="Scope", choices=[("read", "read: search and fetch"), ("write", "read and write: store and change, too")]
    )
    days = forms.TypedChoiceField(
        label="Valid for",
        coerce=int,
        initial=90,
        choices=[(1, "a day"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "a year"), (0, "no end")],
    )


@needs("account")
@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """List them, and make one; its text is shown in this one answer."""
    form, text = TokenForm(request.POST or None), ""
    mine = Token.objects.filter(user=request.user).order_by("-pk")
    if request.method == "POST" and form.is_valid():
        in_use = mine.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)
        if in_use.count() >= _MOST:
            form.add_error(None, f"There are {_MOST} tokens already: revoke one first.")
        else:
            text = _issue(request, form.cleaned_data)
            form = TokenForm()
    return render(request, "accounts/tokens.html", {"form": form, "text": text, "tokens": mine})


@needs("account")
@require_POST
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    """End a token's use."""
    token = get_object_or_404(Token, pk=number, user=request.user)
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        Actor.of(request).note("token", token.name, detail="revoked")
    messages.success(request, f"The token {token.name} is revoked.")
    return redirect("tokens")


def _issue(request: HttpRequest, wanted: dict[str, object]) -> str:
    days = int(str(wanted["days"]))
    end = timezone.now() + timedelta(days=days) if days else None
    token, text = Token.issue(request.user, str(wanted["name"]), str(wanted["scope"]), expires_at=end)
    Actor.of(request).note("token", token.name, detail=f"issued: {token.scope}, {f'{days} days' if days else 'no end'}")
    return text

"""Administrators' pages about accounts."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from medarchive.errors import AccountError
from medarchive.web.accounts import people as service
from medarchive.web.accounts.forms import ROLES
from medarchive.web.accounts.models import Department, User
from medarchive.web.accounts.record import Actor
from medarchive.web.gate import needs

__all__ = ["activate", "deactivate", "forget_second_factor", "people", "person", "readdress", "reset_link"]

_PAGE = 100


class RightsForm(forms.Form):
    """What an account may do, and which studies it sees."""

    role = forms.ChoiceField(choices=ROLES)
    sees = forms.ChoiceField(
        label="Sees",
        choices=[("shared", "studies shared with it"), ("departments", "studies of its departments"), ("all", "all")],
    )
    departments = forms.ModelMultipleChoiceField(
        Department.objects.order_by("name"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def clean(self) -> dict[str, Any]:
        """Where only departments are seen, there has to be one."""
        values: dict[str, Any] = super().clean()
        if values.get("sees") == "departments" and not values.get("departments"):
            self.add_error("departments", "Choose at least one department.")
        return values


class AddressForm(forms.Form):
    """An e-mail address."""

    email = forms.EmailField(label="E-mail address")


@needs("administer")
def people(request: HttpRequest) -> HttpResponse:
    """All accounts; those that wait for approval first."""
    text = request.GET.get("q", "").replace("\0", "").strip()
    found = User.objects.order_by(F("approved_at").asc(nulls_first=True), "username").prefetch_related("departments")
    found = found.filter(Q(username__icontains=text) | Q(email__icontains=text)) if text else found
    waiting = User.objects.filter(approved_at=None, is_active=False).count()
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/people.html", {"page": page, "q": text, "waiting": waiting})


@needs("administer")
def person(request: HttpRequest, number: int) -> HttpResponse:
    """One account; a POST gives it its rights, and with them its approval."""
    user = _user(number)
    form = RightsForm(request.POST) if request.method == "POST" else None
    if form is not None and form.is_valid():
        values = form.cleaned_data
        return _tried(
            request,
            user,
            lambda: service.grant(user, values["role"], values["sees"], values["departments"], Actor.of(request)),
            f"{user.username} is {values['role']} now.",
        )
    return _shown(request, user, form)


@needs("administer")
@require_POST
def readdress(request: HttpRequest, number: int) -> HttpResponse:
    """Change its e-mail address."""
    user, form = _user(number), AddressForm(request.POST)
    if not form.is_valid():
        messages.error(request, "That is no e-mail address.")
        return redirect("person", number)
    email = form.cleaned_data["email"]
    return _tried(request, user, lambda: service.readdress(user, email, Actor.of(request)), "The address is changed.")


@needs("administer")
@require_POST
def deactivate(request: HttpRequest, number: int) -> HttpResponse:
    """End its use."""
    user = _user(number)
    return _tried(
        request, user, lambda: service.deactivate(user, Actor.of(request)), f"{user.username} is deactivated."
    )


@needs("administer")
@require_POST
def activate(request: HttpRequest, number: int) -> HttpResponse:
    """Let it be used again; one that waits for approval gets that by its rights."""
    user = _user(number)
    if user.approved_at is None:
        messages.error(request, "Approve the account by giving it a role.")
        return redirect("person", number)
    return _tried(request, user, lambda: service.activate(user, Actor.of(request)), f"{user.username} is active.")


@needs("administer")
@require_POST
def forget_second_factor(request: HttpRequest, number: int) -> HttpResponse:
    """Remove its second factor."""
    user = _user(number)
    return _tried(
        request,
        user,
        lambda: service.forget_second_factor(user, Actor.of(request)),
        f"{user.username} logs in with the password alone now.",
    )


@needs("administer")
@require_POST
@never_cache
def reset_link(request: HttpRequest, number: int) -> HttpResponse:
    """Make a link by which it gets a new password; shown in this one answer."""
    user = _user(number)
    link = request.build_absolute_uri(service.reset_path(user, Actor.of(request)))
    return _shown(request, user, link=link)


def _user(number: int) -> User:
    user: User = get_object_or_404(User, pk=number)
    return user


def _tried(request: HttpRequest, user: User, do: Any, done: str) -> HttpResponse:
    try:
        do()
    except AccountError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done)
    return redirect("person", user.pk)


def _shown(request: HttpRequest, user: User, form: RightsForm | None = None, link: str = "") -> HttpResponse:
    departments = list(user.departments.all())
    role = user.role if user.approved_at else user.role_asked
    shown = {
        "person": user,
        "form": form or RightsForm(initial={"role": role, "sees": user.sees, "departments": departments}),
        "address": AddressForm(initial={"email": user.email}),
        "second_factor": is_mfa_enabled(user),
        "link": link,
    }
    return render(request, "accounts/person.html", shown)

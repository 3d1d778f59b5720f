"""Forms of those who come in: login and registration."""

from typing import Any

from allauth.account import forms as allauth
from allauth.account.adapter import get_adapter
from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

__all__ = ["LoginForm", "SignupForm"]

ROLES = (
    ("viewer", "viewer: looks at studies"),
    ("clinician", "clinician: uploads, reads, corrects, shares"),
    ("archivist", "archivist: looks after what is stored"),
    ("administrator", "administrator: looks after accounts, too"),
)


class LoginForm(allauth.LoginForm):
    """User name or e-mail address, and password."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["login"] = forms.CharField(
            label="User name or e-mail address",
            max_length=254,
            widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
        )
        plain(self)


class SignupForm(allauth.SignupForm):
    """An account is asked for; nothing tells a stranger which e-mail addresses have one already."""

    role_asked = forms.ChoiceField(
        label="Role", choices=ROLES, initial="viewer", help_text="What you ask for; an administrator decides."
    )
    field_order = ("username", "email", "role_asked", "password1", "password2")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["username"].label = "User name"
        self.fields["email"].label = "E-mail address"
        plain(self)

    def validate_unique_email(self, value: str) -> str:
        """Note that an address is taken; the answer is the same."""
        self.account_already_exists = get_user_model().objects.called(value) is not None
        return value

    def signup(self, request: HttpRequest, user: Any) -> None:  # noqa: ARG002  # allauth's
        """Keep the role that was asked for."""
        user.role_asked = self.cleaned_data["role_asked"]
        user.save(update_fields=["role_asked"])

    def try_save(self, request: HttpRequest) -> tuple[Any, HttpResponse | None]:
        """The new account, or none and the answer that one would get."""
        if not self.account_already_exists:
            try:
                with transaction.atomic():
                    return super().try_save(request)
            except IntegrityError:  # somebody was quicker
                pass
        nobody = get_user_model()()
        nobody.set_password(self.cleaned_data["password1"])  # takes as long as it does for a new account
        if settings.MEDARCHIVE.smtp:
            get_adapter().send_account_already_exists_mail(self.cleaned_data["email"])
        return None, get_adapter().respond_user_inactive(request, nobody)


def plain(form: forms.Form) -> None:
    """Take placeholders away: each field has a label."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)

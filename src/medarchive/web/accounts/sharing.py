"""Sharing: who sees a study because somebody shared it."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from medarchive.dicom.query import Level
from medarchive.errors import NotFound
from medarchive.web import here
from medarchive.web.accounts import shares
from medarchive.web.accounts.models import SharedStudy, User
from medarchive.web.gate import needs, origin
from medarchive.web.rights import may, sees

__all__ = ["sharing", "unshare"]


class WithForm(forms.Form):
    """Whom to share with; accounts that see all studies are not among them."""

    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True).exclude(sees="all").order_by("username"),
        label="Share with",
        to_field_name="username",
    )


@needs("share")
def sharing(request: HttpRequest, study_uid: str) -> HttpResponse:
    """List with whom a study is shared; a POST shares it with one more."""
    form = WithForm(request.POST or None)
    try:
        sees(here.archive(), request.user, Level.STUDY, study_uid)
        if request.method == "POST" and form.is_valid():
            shares.share(form.cleaned_data["user"], study_uid, request.user, origin(request))
            messages.success(request, f"{form.cleaned_data['user']} sees the study now.")
            return redirect("sharing", study_uid)
    except NotFound as error:
        raise Http404 from error
    shared = [
        (each, each.by == request.user.username or may(request.user, "administer"))
        for each in SharedStudy.objects.filter(study_uid=study_uid).select_related("user").order_by("user__username")
    ]
    return render(request, "accounts/sharing.html", {"study_uid": study_uid, "shared": shared, "form": form})


@needs("share")
@require_POST
def unshare(request: HttpRequest, study_uid: str, number: int) -> HttpResponse:
    """Take a share back."""
    user = get_object_or_404(User, pk=number)
    try:
        shares.unshare(user, study_uid, request.user, origin(request))
    except NotFound as error:
        raise Http404 from error
    return redirect("sharing", study_uid)

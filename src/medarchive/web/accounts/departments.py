"""Departments: names for the AE titles that push, by which accounts see studies."""

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from medarchive.errors import SettingsError
from medarchive.settings import checked_ae_title
from medarchive.web.accounts.models import Department
from medarchive.web.accounts.record import Actor
from medarchive.web.gate import needs

__all__ = ["department", "departments", "remove"]


class DepartmentForm(forms.ModelForm):
    """A department."""

    class Meta:
        model = Department
        fields = ("name", "ae_titles")
        labels = {"ae_titles": "AE titles"}  # noqa: RUF012  # Django's class Meta
        widgets = {"ae_titles": forms.TextInput}  # noqa: RUF012

    def clean_ae_titles(self) -> str:
        """AE titles, one space between them."""
        titles = self.cleaned_data["ae_titles"].replace(",", " ").split()
        try:
            return " ".join(checked_ae_title(title) for title in titles)
        except SettingsError as error:
            raise forms.ValidationError(str(error)) from error


@needs("administer")
def departments(request: HttpRequest) -> HttpResponse:
    """List them, and make one."""
    form = DepartmentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _saved(request, form)
    listed = Department.objects.order_by("name").annotate(people=Count("user"))
    return render(request, "accounts/departments.html", {"departments": listed, "form": form})


@needs("administer")
def department(request: HttpRequest, number: int) -> HttpResponse:
    """Change one."""
    found = get_object_or_404(Department, pk=number)
    name = found.name
    form = DepartmentForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        return _saved(request, form)
    return render(request, "accounts/department.html", {"form": form, "name": name, "number": number})


@needs("administer")
@require_POST
def remove(request: HttpRequest, number: int) -> HttpResponse:
    """Remove one; accounts that saw its studies see them no more."""
    found = get_object_or_404(Department, pk=number)
    found.delete()
    Actor.of(request).note("configure", found.name, detail="department removed")
    messages.success(request, f"The department {found.name} is removed.")
    return redirect("departments")


def _saved(request: HttpRequest, form: DepartmentForm) -> HttpResponse:
    saved = form.save()
    Actor.of(request).note("configure", saved.name, detail=f"department: {saved.ae_titles}")
    messages.success(request, f"The department {saved.name} is saved.")
    return redirect("departments")

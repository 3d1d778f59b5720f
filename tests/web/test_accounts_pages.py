"""Every page of accounts: what a screen reader needs, and nothing inline."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from medarchive.archive.archive import Archive
from web.test_accounts_entrance import ANNA, stranger


class Page(HTMLParser):
    """What of a page can be held against the rules."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[dict[str, str]] = []
        self.ids: list[str] = []
        self.refers: list[str] = []
        self.headings: list[str] = []
        self.feed(text)
        self.faults += [
            f"no label: {f}" for f in self.fields if f.get("id") not in self.labelled and "aria-label" not in f
        ]
        self.faults += [f"twice: {each}" for each in {i for i in self.ids if self.ids.count(i) > 1}]
        self.faults += [f"nothing there: {each}" for each in self.refers if each not in self.ids]
        if self.headings.count("h1") != 1:
            self.faults.append(f"headings {self.headings}")

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.ids += [found["id"]] if "id" in found else []
        self.refers += found.get("aria-describedby", "").split() + ([found["for"]] if "for" in found else [])
        self.faults += [f"inline: {tag} {name}" for name in found if name == "style" or name.startswith("on")]
        if tag == "label" and "for" in found:
            self.labelled.add(found["for"])
        if tag in ("input", "select", "textarea") and found.get("type") != "hidden":
            self.fields.append(found)
        if tag == "th" and "scope" not in found:
            self.faults.append("th without scope")
        if tag == "img" and not found.get("alt"):
            self.faults.append("img without alt")
        if tag in ("style", "script"):
            self.faults.append(f"inline: {tag}")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)


def check(answer: Any, status: int = 200) -> None:
    assert answer.status_code == status
    assert not Page(answer.content.decode()).faults
    assert answer.content.decode().startswith("<!doctype html>")


@pytest.mark.parametrize(
    "page",
    [
        "login/",
        "signup/",
        "inactive/",
        "password/reset/",
        "password/reset/done/",
        "password/reset/key/done/",
        "password/reset/key/1-x/",
    ],
)
def test_pages_for_strangers(archive: Archive, page: str) -> None:
    check(stranger().get(f"/accounts/{page}", follow=True))


@pytest.mark.parametrize(
    "page", ["me/", "tokens/", "password/change/", "2fa/", "2fa/totp/activate/", "logout/", "reauthenticate/"]
)
def test_pages_for_all(member: Any, page: str) -> None:
    check(member.browser().get(f"/accounts/{page}", follow=True))


def test_forms_with_complaints(archive: Archive, member: Any) -> None:
    client = stranger()
    check(client.post("/accounts/login/", {"login": "", "password": ""}))
    check(client.post("/accounts/login/", {"login": "x", "password": "y"}))
    check(client.post("/accounts/signup/", {**ANNA, "password1": "x", "email": "x"}))
    check(member.browser().post("/accounts/tokens/", {}))


def test_pages_for_administrators(archive: Archive, member: Any) -> None:
    from medarchive.web.accounts.models import Department, User

    department = Department.objects.create(name="Radiology", ae_titles="CT1")
    user = User.objects.create_user("anna", "anna@example.org")
    boss = member.browser("administrator", name="boss")
    for page in ("people/", f"people/{user.pk}/", "departments/", f"departments/{department.pk}/"):
        check(boss.get(f"/accounts/{page}"))
    check(boss.post(f"/accounts/people/{user.pk}/", {"role": "viewer", "sees": "departments"}))
    check(boss.post(f"/accounts/people/{user.pk}/reset-link/"))


def test_pages_of_refusals(archive: Archive) -> None:
    from django.test import Client

    check(Client(enforce_csrf_checks=True).post("/accounts/login/", {}), 403)
    client = stranger()
    for _ in range(61):
        answer = client.post("/accounts/login/", {})
    check(answer, 429)


def test_pages_of_many_accounts(archive: Archive, member: Any) -> None:
    from medarchive.web.accounts.models import User

    User.objects.bulk_create(User(username=f"u{number}", email=f"u{number}@example.org") for number in range(120))
    boss = member.browser("administrator", name="boss")
    first, second = (boss.get(f"/accounts/people/?page={page}") for page in (1, 2))
    for answer, count in ((first, 100), (second, 21)):
        check(answer)
        assert answer.content.decode().count("@example.org</td>") == count
    assert "120 wait for approval" in first.content.decode()

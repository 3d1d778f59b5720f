"""Every view says who may use it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from medarchive.archive.archive import Archive
from medarchive.web.gate import ANYBODY, requirement


def every_view() -> Iterator[tuple[str, str, Any]]:
    """Route, name and view of every address that there is."""
    from django.urls import URLPattern, get_resolver

    def below(patterns: list[Any], route: str, names: tuple[str, ...]) -> Iterator[tuple[str, str, Any]]:
        for pattern in patterns:
            here = route + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield here, ":".join((*names, pattern.name or "")), pattern.callback
            else:
                more = (pattern.namespace,) if pattern.namespace else ()
                yield from below(pattern.url_patterns, here, names + more)

    yield from below(get_resolver().url_patterns, "/", ())


def test_every_view_says_who_may_use_it(archive: Archive) -> None:
    silent = [route for route, name, view in every_view() if requirement(view, name) is None]
    assert not silent


def test_few_views_are_for_anybody(archive: Archive) -> None:
    ours = {name for _, name, view in every_view() if getattr(view, "needs", "") == ANYBODY}
    assert ours == {"home", "health"}


@pytest.mark.parametrize("role", ["viewer", "clinician", "archivist", "administrator"])
def test_all_roles_see_the_worklist(member: Any, role: str) -> None:
    assert member.browser(role).get("/studies/").status_code == 200


def test_roles_and_what_they_see_have_the_same_names_everywhere(archive: Archive) -> None:
    from medarchive.cli.users import Role, Sees
    from medarchive.web.accounts import forms
    from medarchive.web.accounts.models import User
    from medarchive.web.accounts.people_pages import RightsForm
    from medarchive.web.rights import ROLES

    role, seen = (dict(User._meta.get_field(name).choices) for name in ("role", "sees"))
    assert list(ROLES) == list(role) == list(dict(forms.ROLES)) == list(Role)
    assert sorted(seen) == sorted(Sees) == sorted(dict(RightsForm.base_fields["sees"].choices))


def test_a_stranger_is_sent_to_the_login(archive: Archive) -> None:
    from django.test import Client

    answer = Client().get("/studies/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/studies/")


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_no_address_lets_a_stranger_in(archive: Archive, method: str) -> None:
    """Every address, whatever stands in it; a page that is added later is tried here, too."""
    from django.test import Client

    asked = 0
    for route, name, view in every_view():
        path = re.sub(r"<[^>]+>", "1", route)
        if "^" in path or requirement(view, name) == ANYBODY:
            continue
        answer = getattr(Client(), method)(path)
        assert answer.status_code in (302, 401, 403), path
        if answer.status_code == 302:
            assert answer["Location"].startswith("/accounts/login/?next="), path
        asked += 1
    assert asked > 20


def test_few_of_allauths_pages_are_for_anybody(archive: Archive) -> None:
    theirs = {
        name for _, name, view in every_view() if requirement(view, name) == ANYBODY and not hasattr(view, "needs")
    }
    assert theirs == {
        "account_login",
        "account_signup",
        "account_logout",
        "account_inactive",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key",
        "account_reset_password_from_key_done",
        "mfa_authenticate",
    }

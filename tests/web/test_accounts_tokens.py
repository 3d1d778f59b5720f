"""API tokens: made, shown once, hashed at rest, scoped, revoked; and programs that come in with them."""

import base64
import re
import sys
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from medarchive.archive.archive import Archive
from web.conftest import PASSWORD
from web.test_accounts_entrance import noted, stranger


@pytest.fixture
def program(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Views for programs, as DICOMweb has them."""
    from types import ModuleType

    from django.http import HttpRequest, HttpResponse
    from django.test import override_settings
    from django.urls import include, path

    from medarchive.web.gate import needs

    def who(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{request.user.username} {request.token is not None}")

    def view(permission: Any, **options: Any) -> Any:
        return needs(permission, **options)(partial(who))

    urls = ModuleType("urls_under_test")
    urls.urlpatterns = [  # type: ignore[attr-defined]
        path("read", view("view", program=True)),
        path("search", view("view", program=True, reads=True)),
        path("store", view("upload", program=True)),
        path("page", view("view")),
        path("", include("medarchive.web.urls")),
    ]
    monkeypatch.setitem(sys.modules, "urls_under_test", urls)
    with override_settings(ROOT_URLCONF="urls_under_test"):
        yield


def token(user: Any, scope: str = "read", **fields: Any) -> str:
    from medarchive.web.accounts.models import Token

    return str(Token.issue(user, "test", scope, **fields)[1])


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def basic(name: str, text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{text}".encode()).decode()}


def test_a_token_is_made_shown_once_and_revoked(program: None, archive: Archive, member: Any) -> None:
    from medarchive.web.accounts.models import Token

    client = member.browser("clinician", name="anna")
    answer = client.post("/accounts/tokens/", {"name": "dcm4che", "scope": "write", "days": "30"})
    text = re.search("mda_[A-Za-z0-9_-]+", answer.content.decode()).group()  # type: ignore[union-attr]
    assert "no-store" in answer["Cache-Control"]
    assert text not in client.get("/accounts/tokens/").content.decode()
    kept = Token.objects.get()
    assert text not in str(vars(kept))
    assert kept.digest == Token.hashed(text)
    assert 29 <= (kept.expires_at - kept.created_at).days <= 30
    assert stranger().get("/read", headers=bearer(text)).content == b"anna True"
    client.post(f"/accounts/tokens/{kept.pk}/revoke/")
    assert stranger().get("/read", headers=bearer(text)).status_code == 401
    assert noted(archive, who="anna", action="token") == [
        ("token", "success", "revoked"),
        ("token", "success", "issued: write, 30 days"),
    ]


def test_what_changed_in_the_database_counts_at_once(program: None, member: Any) -> None:
    """Commands of another process change it, too."""
    from django.utils import timezone

    from medarchive.web.accounts.models import Token, User

    text = token(member(name="anna"))
    anna = User.objects.filter(username="anna")

    def read() -> Any:
        return stranger().get("/read", headers=bearer(text))

    assert read().content == b"anna True"
    for change, back in (({"is_active": False}, {"is_active": True}), ({"role": "none"}, {"role": "viewer"})):
        anna.update(**change)
        assert read().status_code in (401, 403)
        anna.update(**back)
        assert read().content == b"anna True"
    Token.objects.update(expires_at=timezone.now())
    assert read().status_code == 401


def test_nobody_revokes_the_token_of_another(program: None, member: Any) -> None:
    from medarchive.web.accounts.models import Token

    text = token(member(name="anna"))
    eve = member.browser("administrator", name="eve")
    assert eve.post(f"/accounts/tokens/{Token.objects.get().pk}/revoke/").status_code == 404
    assert stranger().get("/read", headers=bearer(text)).status_code == 200


def test_basic_takes_the_name_and_the_token(program: None, member: Any) -> None:
    text = token(member(name="anna"))
    member(name="ben")
    assert stranger().get("/read", headers=basic("Anna", text)).content == b"anna True"
    for name, secret in (("ben", text), ("", text), ("anna", "wrong"), ("anna", PASSWORD)):
        assert stranger().get("/read", headers=basic(name, secret)).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic",
        "Basic !!!",
        "Basic /w==",
        "Digest x",
        "x",
        "Bearer \x00",
        "Basic OjE6Mg==",
    ],
)
def test_bad_headers_get_401(program: None, header: str) -> None:
    answer = stranger().get("/read", headers={"Authorization": header})
    assert answer.status_code == 401
    assert "Bearer" in answer["WWW-Authenticate"]


def test_no_header_gets_401(program: None) -> None:
    assert stranger().get("/read").status_code == 401


def test_a_bad_token_is_not_made_good_by_a_session(program: None, member: Any) -> None:
    client = member.browser(name="anna")
    assert client.get("/read").content == b"anna False"
    assert client.get("/read", headers=bearer("wrong")).status_code == 401


def test_pages_take_no_tokens(program: None, member: Any) -> None:
    text = token(member("administrator", name="anna"), "write")
    for page in ("/page", "/studies/", "/accounts/me/", "/accounts/people/"):
        assert stranger().get(page, headers=bearer(text)).status_code == 302


def test_scope(program: None, archive: Archive, member: Any) -> None:
    anna = member("clinician", name="anna")
    reading, writing = bearer(token(anna)), bearer(token(anna, "write"))
    client = stranger()
    for method in (client.get, client.head, client.options):
        assert method("/store", headers=reading).status_code == 200
    for method in (client.post, client.put, client.delete, client.patch):
        assert method("/store", headers=reading).status_code == 403
        assert method("/store", headers=writing).status_code == 200
    assert client.post("/search", headers=reading).status_code == 200
    assert len(noted(archive, who="anna", outcome="refused")) == 4


def test_a_token_may_no_more_than_its_account(program: None, member: Any) -> None:
    assert stranger().post("/store", headers=bearer(token(member("viewer"), "write"))).status_code == 403


def test_csrf_is_for_sessions(program: None, member: Any) -> None:
    from django.test import Client

    anna = member("clinician", name="anna")
    client = Client(enforce_csrf_checks=True)
    assert client.post("/store", headers=bearer(token(anna, "write"))).status_code == 200
    client.force_login(anna, "allauth.account.auth_backends.AuthenticationBackend")
    assert client.post("/store").status_code == 403


def test_expired_and_deactivated(program: None, member: Any) -> None:
    from django.utils import timezone

    anna, now = member(name="anna"), timezone.now()
    old, new = (token(anna, expires_at=now + timedelta(hours=hours)) for hours in (-1, 1))
    assert [stranger().get("/read", headers=bearer(each)).status_code for each in (old, new)] == [401, 200]
    anna.is_active = False
    anna.save()
    assert stranger().get("/read", headers=bearer(new)).status_code == 401


def test_a_request_costs_one_read_and_a_write_a_minute(program: None, member: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from medarchive.web.accounts.models import Token

    header = bearer(token(member(name="anna")))

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert stranger().get("/read", headers=header).status_code == 200
        return [each["sql"].split()[0] for each in captured]

    assert "UPDATE" in queries()
    queries()  # the token has changed by that
    assert queries() == ["SELECT"]
    used = Token.objects.get().last_used_at
    assert (timezone.now() - used).total_seconds() < 60
    Token.objects.update(last_used_at=used - timedelta(seconds=61))
    assert "UPDATE" in queries()


def test_a_flood_of_wrong_tokens_does_not_fill_the_record(program: None, archive: Archive) -> None:
    client = stranger(REMOTE_ADDR="10.7.7.7")
    for number in range(20):
        client.get("/read", headers=bearer(f"wrong{number}"))
    assert noted(archive, origin="10.7.7.7") == [("login", "failed", "API token")]


def test_there_are_not_too_many(member: Any) -> None:
    from django.utils import timezone

    from medarchive.web.accounts.models import Token

    client = member.browser(name="anna")
    for _ in range(51):
        answer = client.post("/accounts/tokens/", {"name": "x", "scope": "read", "days": "0"})
    assert "There are 50 tokens already" in answer.content.decode()
    assert Token.objects.count() == 50
    Token.objects.update(expires_at=timezone.now())  # nobody can revoke what has ended
    assert "mda_" in client.post("/accounts/tokens/", {"name": "x", "scope": "read", "days": "0"}).content.decode()

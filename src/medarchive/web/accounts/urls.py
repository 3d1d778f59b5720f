"""The addresses of accounts: those of the entrance, one's own pages, and the administrators'."""

from django.urls import include, path

from medarchive.web.accounts import departments, people_pages, profile, sharing, tokens

urlpatterns = [
    path("", include("medarchive.web.accounts.entrance")),
    path("me/", profile.profile, name="profile"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:number>/revoke/", tokens.revoke, name="token-revoke"),
    path("people/", people_pages.people, name="people"),
    path("people/<int:number>/", people_pages.person, name="person"),
    path("people/<int:number>/email/", people_pages.readdress, name="person-email"),
    path("people/<int:number>/deactivate/", people_pages.deactivate, name="person-deactivate"),
    path("people/<int:number>/activate/", people_pages.activate, name="person-activate"),
    path("people/<int:number>/second-factor/", people_pages.forget_second_factor, name="person-second-factor"),
    path("people/<int:number>/reset-link/", people_pages.reset_link, name="person-reset-link"),
    path("departments/", departments.departments, name="departments"),
    path("departments/<int:number>/", departments.department, name="department"),
    path("departments/<int:number>/remove/", departments.remove, name="department-remove"),
    path("sharing/<str:study_uid>/", sharing.sharing, name="sharing"),
    path("sharing/<str:study_uid>/<int:number>/remove/", sharing.unshare, name="unshare"),
]

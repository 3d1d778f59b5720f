"""The addresses of these pages."""

from django.urls import path

from medarchive.web.operations.audit import audit, export
from medarchive.web.operations.dashboard import dashboard
from medarchive.web.operations.jobs import jobs
from medarchive.web.operations.policy import policy

urlpatterns = [
    path("storage/", dashboard, name="dashboard"),
    path("jobs/", jobs, name="jobs"),
    path("policy/", policy, name="policy"),
    path("audit/", audit, name="audit"),
    path("audit/export/", export, name="audit_export"),
]

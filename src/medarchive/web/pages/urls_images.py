"""The addresses of studies, series and instances."""

from django.urls import path, register_converter

from medarchive.web.pages import attributes, deletion, download, instance, pixels, series, study, thumbnail


class Uid:
    """A UID in an address. What is stored may have odd ones: anything but a slash, up to what the catalogue keeps."""

    regex = r"[^/\x00-\x1f]{1,1024}"

    def to_python(self, value: str) -> str:
        """As it stands."""
        return value

    def to_url(self, value: str) -> str:
        """As it stands."""
        return str(value)


register_converter(Uid, "uid")

urlpatterns = [
    path("studies/<uid:uid>/", study.study, name="study"),
    path("studies/<uid:uid>/download/", download.download_study, name="download-study"),
    path("studies/<uid:uid>/delete/", deletion.delete_study, name="delete-study"),
    path("series/<uid:uid>/", series.series, name="series"),
    path("series/<uid:uid>/frames/", pixels.series_frames, name="series-frames"),
    path("series/<uid:uid>/download/", download.download_series, name="download-series"),
    path("series/<uid:uid>/delete/", deletion.delete_series, name="delete-series"),
    path("instances/<uid:uid>/", instance.instance, name="instance"),
    path("instances/<uid:uid>/frames/<int:number>/", pixels.frame, name="frame"),
    path("instances/<uid:uid>/thumbnail/<int:number>/", thumbnail.thumbnail, name="thumbnail"),
    path("instances/<uid:uid>/tables/", pixels.lookup_tables, name="lookup-tables"),
    path("instances/<uid:uid>/attributes/", attributes.attributes, name="attributes"),
    path("instances/<uid:uid>/document/", instance.document, name="document"),
    path("instances/<uid:uid>/download/", download.download_instance, name="download-instance"),
    path("instances/<uid:uid>/delete/", deletion.delete_instance, name="delete-instance"),
    path("deleted/", deletion.deleted, name="deleted"),
    path("deleted/back/", deletion.bring_back, name="bring-back"),
]

"""Reader: each picture goes to the network for it; what cannot be read is said so; slices are read together."""

import numpy as np
import pytest

from contracts.networks import BRAIN, Made, brain, one_hot, router, view
from medarchive.errors import SettingsError
from medarchive.insight.reader import Reader
from medarchive.view import Evidence, View

XRAY = {"labels": ["normal", "bacteria", "virus"], "thresholds": {"abnormal": 0.5, "abstain": 0.4}}


def test_a_brain_is_read_by_the_brain_network() -> None:
    networks = [router(*["brain-mr"] * 11), brain()]
    found = Reader(networks).read([view(9)])
    reading = found.readings[0]
    assert (reading.anatomy, reading.task, reading.finding) == ("brain", "brain", "meningioma")
    assert reading.anatomy_probability == pytest.approx(0.992, abs=1e-3)
    assert reading.probabilities["tumour"] == pytest.approx(0.9)
    assert reading.probabilities["meningioma"] == pytest.approx(0.63)
    assert sum(reading.probabilities[label] for label in BRAIN["labels"]) == pytest.approx(1)
    assert reading.heat is not None
    assert reading.heat.shape == (256, 256)
    assert reading.model == networks[1].id
    assert not reading.abstained


def test_below_the_operating_point_there_is_no_tumour() -> None:
    assert Reader([router(*["brain-mr"] * 11), brain()]).read([view(3)]).pooled.finding == "no_tumour"


def test_nothing_is_said_between_two_thresholds() -> None:
    network = brain()
    network.facts = {**BRAIN, "thresholds": {"abnormal": 0.4, "unsure": [0.25, 0.55]}}
    reader = Reader([router(*["brain-mr"] * 11), network])
    unsure = reader.read([view(5)]).pooled
    assert (unsure.finding, unsure.abstained) == ("", True)
    assert "not sure" in unsure.reason
    assert unsure.probabilities["tumour"] == pytest.approx(0.5)
    assert reader.read([view(6)]).pooled.finding == "meningioma"


def test_a_network_that_has_not_shown_that_it_can_tell_gives_probabilities_but_no_finding() -> None:
    network = brain()
    network.facts = {**BRAIN, "withheld": "no better than chance"}
    found = Reader([router(*["brain-mr"] * 11), network]).read([view(9)])
    for reading in (found.readings[0], found.pooled):
        assert (reading.finding, reading.abstained, reading.reason) == ("", True, "no better than chance")
        assert reading.probabilities["tumour"] == pytest.approx(0.9)


def test_a_series_is_as_its_most_abnormal_slices() -> None:
    views = [view(1)] * 6 + [view(8)] + [view(1)]
    found = Reader([router(*["brain-mr"] * 11), brain()]).read(views)
    assert found.strongest == 6
    assert found.pooled.probabilities["tumour"] == pytest.approx(0.8)
    assert found.pooled.finding == "meningioma"
    assert [reading.finding for reading in found.readings].count("no_tumour") == 7
    many = Reader([router(*["brain-mr"] * 11), brain()]).read(views * 2 + [view(1)])
    assert many.pooled.probabilities["tumour"] == pytest.approx((0.8 + 0.8 + 0.1) / 3), "three of 17 count"


def test_ct_of_the_head_is_a_brain_but_not_read() -> None:
    reading = Reader([router(*["brain-ct"] * 11), brain()]).read([view(9)]).pooled
    assert (reading.anatomy, reading.finding, reading.abstained) == ("brain", "", True)
    assert "MR only" in reading.reason


def test_what_somebody_says_is_taken_for_that_and_said_so() -> None:
    reader = Reader([router(*["other"] * 11), brain()])
    alone = reader.read([view(9)]).pooled
    assert (alone.anatomy, alone.finding, alone.probabilities) == ("other", "", {})
    found = reader.read([view(9), view(3)], Evidence("MR", "BRAIN"), "brain")
    for reading in (*found.readings, found.pooled):
        assert (reading.anatomy, reading.task) == ("brain", "brain")
        assert reading.reason.startswith("taken for brain because somebody said so; ")
    assert (found.pooled.finding, found.pooled.abstained) == ("meningioma", False)
    agreed = Reader([router(*["brain-mr"] * 11), brain()]).read([view(9)], asked="brain").pooled
    assert agreed.reason == "taken for brain because somebody said so"


def test_what_somebody_says_makes_no_network_for_it() -> None:
    reading = Reader([router(*["brain-ct"] * 11), brain()]).read([view(9)], Evidence("CT", "HEAD"), "brain").pooled
    assert (reading.finding, reading.abstained, reading.probabilities) == ("", True, {})
    assert reading.reason.startswith("taken for brain because somebody said so")
    assert "MR only" in reading.reason
    lung = Reader([router(*["brain-mr"] * 11), brain()]).read([view(9)], asked="lung").pooled
    assert (lung.anatomy, lung.finding) == ("lung", "")
    assert "by itself it would say brain" in lung.reason
    assert "no network" in lung.reason


def test_what_is_pneumonia_is_the_sum_of_two() -> None:
    network = Made("chest-xray", XRAY, probabilities=[[0.3, 0.4, 0.3]] * 11)
    reading = Reader([router(*["chest-xray"] * 11), network]).read([view(5)]).pooled
    assert (reading.anatomy, reading.task, reading.finding) == ("lung", "chest-xray", "pneumonia")
    assert reading.probabilities["pneumonia"] == pytest.approx(0.7)
    assert reading.heat is None


def test_hounsfield_units_are_shown_in_the_networks_window() -> None:
    facts = {"labels": ["normal", "benign", "malignant"], "window": [100.0, 200.0]}
    network = Made("lung-ct", facts, probabilities=[[0.2, 0.2, 0.6]] * 11)
    reader = Reader([router(*["lung-ct"] * 11), network])
    picture = view(5, hounsfield=True)
    assert reader.read([picture]).pooled.finding == "malignant"
    assert reader.read([view(5)]).pooled.finding == "malignant"
    assert np.allclose(network.seen[0].mean(), picture.shown((100.0, 200.0)).mean(), atol=0.01)
    assert np.allclose(network.seen[1].mean(), 0.5, atol=0.01)


def test_a_task_without_a_network_is_not_offered() -> None:
    reading = Reader([router(*["lung-ct"] * 11)]).read([view(5)]).pooled
    assert (reading.anatomy, reading.finding, reading.task, reading.abstained) == ("lung", "", "", False)
    assert "no network for lung-ct" in reading.reason


def test_something_else_has_no_finding() -> None:
    reading = Reader([router(*["other"] * 11), brain()]).read([view(5)]).pooled
    assert (reading.anatomy, reading.finding, reading.abstained, reading.reason) == ("other", "", False, "")
    assert reading.embedding is not None
    assert np.linalg.norm(reading.embedding) == pytest.approx(1)


def test_what_is_strange_is_other_and_not_known() -> None:
    network = brain()
    reading = Reader([router(*["brain-mr"] * 11, strange=True), network]).read([view(9)]).pooled
    assert (reading.anatomy, reading.finding, reading.abstained) == ("other", "", True)
    assert "unlike" in reading.reason
    assert not network.seen


def test_a_header_that_says_otherwise_leads_to_nothing_said() -> None:
    reader = Reader([router(*["brain-mr"] * 11), brain()])
    for evidence in (Evidence("MR", "KNEE"), Evidence("US", ""), Evidence("CR", "CHEST")):
        reading = reader.read([view(9)], evidence).pooled
        assert (reading.anatomy, reading.finding, reading.abstained) == ("other", "", True), evidence
        assert "header says" in reading.reason
    for evidence in (Evidence("MR", "BRAIN"), Evidence("OT", "NO SUCH WORD"), Evidence()):
        assert reader.read([view(9)], evidence).pooled.finding == "meningioma", evidence


def test_a_header_never_makes_a_brain_of_something_else() -> None:
    reading = Reader([router(*["other"] * 11), brain()]).read([view(9)], Evidence("MR", "BRAIN")).pooled
    assert reading.finding == ""
    assert reading.anatomy == "other"


def test_a_header_settles_what_pixels_leave_open() -> None:
    open_ = router(*["brain-mr"] * 11)
    open_.rows["classes"] = np.array([[0.5, 0.02, 0.02, 0.02, 0.02, 0.42]] * 11, np.float32)
    assert Reader([open_, brain()]).read([view(9)]).pooled.abstained
    assert Reader([open_, brain()]).read([view(9)], Evidence("MR", "HEAD")).pooled.finding == "meningioma"


def _bad() -> dict[str, View]:
    grey = view(5).values
    holes = grey.copy()
    holes[3, 3] = np.nan
    return {
        "constant": View(np.full((64, 64), 7, np.float32), None),
        "1 x 1": View(np.ones((1, 1), np.float32), None),
        "20 x 64": View(grey[:20], None),
        "a strip": View(np.tile(grey, (1, 9)), None),
        "no number": View(holes, None),
        "padding": View(grey, None, valid=np.zeros((64, 64), np.bool_)),
        "constant: ": View(grey, None, valid=np.pad(np.ones((1, 1), np.bool_), ((0, 63), (0, 63)))),
        "four different": View(np.where(grey > 127, 1, 0).astype(np.float32), None),
    }


@pytest.mark.parametrize("said", _bad())
def test_bad_input_is_not_read_and_stops_nothing(said: str) -> None:
    reader = Reader([router(*["brain-mr"] * 11), brain()])
    alone = reader.read([_bad()[said]])
    assert (alone.pooled.anatomy, alone.pooled.finding, alone.pooled.embedding) == ("", "", None)
    assert said in alone.pooled.reason
    among = reader.read([_bad()[said], view(9)])
    assert [reading.anatomy for reading in among.readings] == ["", "brain"]
    assert among.pooled.finding == "meningioma"
    assert among.strongest == 1


def test_a_window_that_shows_nothing_is_not_used() -> None:
    reader = Reader([router(*["brain-mr"] * 11), brain()])
    hidden = View(view(9).values, (100000.0, 10.0))
    assert reader.read([hidden]).pooled.anatomy == "brain"


def test_the_version_changes_with_any_network() -> None:
    one, two = Reader([router("other")]), Reader([router("other"), brain()])
    assert one.version != two.version
    assert len(two.version) == 16
    assert [model.name for model in two.models] == ["brain", "router"]
    assert two.version == Reader([brain(), router("other")]).version


def test_without_a_router_there_is_no_reader() -> None:
    with pytest.raises(SettingsError, match="router"):
        Reader([brain()])


def test_a_series_has_pictures() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Reader([router("other")]).read([])


def test_most_slices_say_what_a_series_shows() -> None:
    kinds = router("other", "brain-mr", "lung-ct")
    kinds.rows["classes"] = np.asarray([one_hot(kind) for kind in ("other", "brain-mr", "lung-ct")], np.float32)
    found = Reader([kinds, brain()]).read([view(0), view(1), view(1), view(2)])
    assert found.pooled.anatomy == "brain"
    assert found.pooled.finding == "no_tumour"
    assert [reading.anatomy for reading in found.readings] == ["other", "brain", "brain", "lung"]

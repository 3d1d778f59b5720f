"""What was made a while ago stays as long as there is room."""

from medarchive.archive.recent import Recent


def test_what_was_asked_for_last_stays() -> None:
    recent: Recent[int, str] = Recent(3)
    for number in (1, 2, 3):
        recent.keep(number, f"{number}")
    assert recent.get(1) == "1"
    recent.keep(4, "4")
    assert [recent.get(number) for number in (1, 2, 3, 4)] == ["1", None, "3", "4"]


def test_no_more_than_may_be_kept() -> None:
    recent: Recent[str, bytes] = Recent(10, len)
    for number in range(20):
        recent.keep(f"{number}", bytes(4))
        assert sum(map(len, recent._values.values())) == recent._costs <= 10
    assert len(recent._values) == 2


def test_the_newest_stays_whatever_it_costs() -> None:
    recent: Recent[str, bytes] = Recent(10, len)
    recent.keep("small", bytes(4))
    recent.keep("large", bytes(40))
    assert (recent.get("small"), recent.get("large")) == (None, bytes(40))
    recent.keep("small", bytes(4))
    assert (recent.get("small"), recent.get("large")) == (bytes(4), None)


def test_the_first_value_of_a_key_is_kept() -> None:
    recent: Recent[str, str] = Recent(2)
    recent.keep("key", "first")
    recent.keep("key", "second")
    assert recent.get("key") == "first"
    recent.clear()
    assert recent.get("key") is None

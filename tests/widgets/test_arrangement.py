"""One way of laying images side by side at a time: the one before is asked to leave."""

from napari_uncertainseg.widgets.reading_bar.arrangement import Arrangement


def test_a_claim_asks_the_one_before_to_leave_before_the_next_begins():
    arrangement, told = Arrangement(), []
    arrangement.changed.connect(lambda name: told.append(("now", name)))

    def leave_three():
        told.append(("leaves", arrangement.holder))
        arrangement.release("three")  # need not, and may

    arrangement.claim("three", leave_three)
    arrangement.claim("three", leave_three)
    arrangement.claim("two", lambda: told.append(("two leaves", "")))
    assert told == [("now", "three"), ("leaves", ""), ("now", "two")] and arrangement.holder == "two"
    arrangement.release("three")
    assert arrangement.holder == "two"
    arrangement.release("two")
    arrangement.release("two")
    assert arrangement.holder == "" and told[-1] == ("now", "") and len(told) == 4
    arrangement.claim("three", leave_three)
    assert told[-1] == ("now", "three")

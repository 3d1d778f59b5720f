"""What we say unasked goes out as one piece, and each answer finds whoever waits for it."""

import io
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from pynetdicom.dimse_primitives import C_STORE, N_EVENT_REPORT

from medarchive.dicom_node.notices import Notice, Notices


def notice(size: int = 1000) -> Notice:
    request = N_EVENT_REPORT()
    request.MessageID = 1
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
    request.EventTypeID, request.EventInformation = 1, io.BytesIO(bytes(size))
    return Notice(request, 3)


def answer(number: int, status: int = 0) -> N_EVENT_REPORT:
    message = N_EVENT_REPORT()
    message.MessageIDBeingRespondedTo, message.Status = number, status
    return message


@pytest.fixture
def association() -> Any:
    """What an association is to its notices, with a peer that takes PDUs of 256 bytes."""
    sent: list[list[Any]] = []
    return SimpleNamespace(
        is_established=True,
        requestor=SimpleNamespace(maximum_length=256),
        dul=SimpleNamespace(send_together=sent.append),
        sent=sent,
    )


def told(notices: Notices, association: Any, *some: Notice) -> list[int | None]:
    """Have notices sent; the statuses that come back to each, in their order."""
    statuses: dict[int, int | None] = {}

    def tell(place: int, one: Notice) -> None:
        statuses[place] = notices.tell(association, one, 5)

    threads = [threading.Thread(target=tell, args=pair) for pair in enumerate(some)]
    for thread in threads:
        thread.start()
    while len(association.sent) < len(some) and association.is_established:
        notices.send_on(association)
    for one in some:
        if association.is_established:
            assert notices.answered(answer(one.request.MessageID, 0x0100 + one.context_id))
    for thread in threads:
        thread.join()
    return [statuses[place] for place in sorted(statuses)]


def test_all_fragments_of_a_notice_go_out_together(association: Any) -> None:
    assert told(Notices(), association, notice()) == [0x0103]
    (fragments,) = association.sent
    assert len(fragments) > 4
    flags = [each.presentation_data_value_list[0][1][0] for each in fragments]
    assert flags == [3, *[0] * (len(flags) - 2), 2], "the command, then its data set"


def test_answers_find_those_who_wait(association: Any) -> None:
    first, second = notice(), notice()
    second.context_id = 5
    assert told(Notices(), association, first, second) == [0x0103, 0x0105]
    assert first.request.MessageID != second.request.MessageID


def test_an_association_that_is_gone_has_no_answer(association: Any) -> None:
    association.is_established = False
    assert told(Notices(), association, notice()) == [None]
    assert association.sent == []


def test_an_answer_that_nobody_waits_for_is_nobodys_and_other_messages_are_not_taken() -> None:
    notices = Notices()
    assert notices.answered(answer(9))
    request = notice().request
    for other in (C_STORE(), None, request):
        assert not notices.answered(other)

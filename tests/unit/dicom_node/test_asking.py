"""Where we ask, the answer is ours."""

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE

from medarchive.dicom_node.asking import prepare

ANSWER = (1, C_STORE())


def association_with_an_answer() -> Association:
    association = Association(AE(), "requestor")
    prepare(association)
    association.dimse.msg_queue.put(ANSWER)
    return association


def test_a_reactor_that_is_past_its_checkpoint_takes_no_answer() -> None:
    association = association_with_an_answer()
    association._reactor_checkpoint.clear()
    assert association.dimse.get_msg() == (None, None)
    assert association.dimse.get_msg(block=True) == ANSWER


def test_requests_of_the_peer_are_taken_as_ever() -> None:
    association = association_with_an_answer()
    assert association.dimse.get_msg() == ANSWER

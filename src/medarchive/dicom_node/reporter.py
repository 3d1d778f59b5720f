"""Reporter: tells peers what came of their requests for storage commitment (PS3.4 J.3.3).

On the association of the request while that is open, else on one that we open, in the SCP role (PS3.7 D.3.3.4).
"""

import logging
import os
import threading
import time

from pynetdicom import build_context, build_role
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.sop_class import StorageCommitmentPushModel

from medarchive.archive.archive import Archive
from medarchive.archive.audit import Event, Outcome
from medarchive.archive.commitments import Commitment, Report
from medarchive.dicom_node.asking import associated
from medarchive.dicom_node.auditing import Auditor
from medarchive.dicom_node.commitment import Askers, notification
from medarchive.dicom_node.negotiation import NATIVE
from medarchive.dicom_node.notices import Notice
from medarchive.dicom_node.status import SUCCESS
from medarchive.errors import MedarchiveError

__all__ = ["Reporter"]

LOGGER = logging.getLogger(__name__)
_LOOK = 0.5
"""Seconds between two looks for reports that are due."""
_WARNINGS = (0x0001, 0x0107, 0x0116)
"""The peer has understood (PS3.7 C.4): a report is not sent again for these."""


class Reporter:
    """A thread that sends the reports that are due, from ``start`` to ``stop``. Every process of a node has one."""

    def __init__(self, archive: Archive, auditor: Auditor) -> None:
        self.askers = Askers()
        self._auditor = auditor
        self._archive = archive
        self._commitments = archive.commitments()
        self._owner = f"{os.uname().nodename}:{os.getpid()}:{time.monotonic_ns()}"
        self._stop = threading.Event()
        self._under_way: Report | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="medarchive-reporter", daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin no other report."""
        self._stop.set()

    def stop(self, timeout: float) -> None:
        """Wait for the report under way, for so many seconds at most; where it takes longer, the next node sends it."""
        self.ask_to_stop()
        if self._thread is None:
            return
        self._thread.join(timeout)
        report = self._under_way
        if self._thread.is_alive() and report is not None:
            report.put_off()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK):
            try:
                while not self._stop.is_set() and self._report_one():
                    pass
            except MedarchiveError as error:  # a locked catalogue passes; the reports are still there
                LOGGER.warning("%s", error)

    def _report_one(self) -> bool:
        """Send the next report that is due; False where there is none."""
        report = self._commitments.take_report(self._owner, self.askers.open())
        if report is None:
            return False
        self._under_way = report
        with report:
            error = self._tell(report)
        if not error:
            report.sent()
            self._note(report.commitment, "")
        elif self._stop.is_set():
            report.put_off()
        else:
            self._failed(report, error)
        self._under_way = None
        return True

    def _tell(self, report: Report) -> str:
        """Send a report; why it was not taken, or nothing."""
        try:
            return self._tell_asker(report) and self._tell_peer(report)
        except Exception as error:  # whatever a peer does to pynetdicom costs this attempt and nothing else
            LOGGER.exception("the report on storage commitment %s failed", report.commitment.transaction_uid)
            return f"{type(error).__name__}: {error}"

    def _failed(self, report: Report, error: str) -> None:
        report.not_sent(error)
        commitment = report.commitment
        if report.is_last:
            self._note(commitment, "; the report is given up")
        what = "is given up; medarchive jobs --retry tries again" if report.is_last else "was not delivered"
        LOGGER.warning(
            "the report on storage commitment %s for %s %s: %s",
            *(commitment.transaction_uid, commitment.peer, what, error),
        )

    def _note(self, commitment: Commitment, remark: str) -> None:
        """Have it recorded what a peer was told."""
        peers = self._archive.settings.peers
        host = next((peer.host for peer in peers if peer.ae_title == commitment.peer), "")
        detail = f"{commitment.committed} instances committed, {commitment.failed} not{remark}"
        outcome: Outcome = "failed" if commitment.failed or remark else "success"
        self._auditor.write(Event("commit", commitment.peer, host, "node", commitment.transaction_uid, outcome, detail))

    def _tell_asker(self, report: Report) -> str:
        """Report on the association of the request; why it was not taken, or nothing."""
        found = self.askers.take(report.commitment.id)
        if found is None:
            return "the association of the request is closed"
        association, context = found
        settings = self._archive.settings
        request = notification(report.commitment, report.items, settings.ae_title, context.transfer_syntax[0])
        notice = Notice(request, context.context_id)
        return _fault(association.notices.tell(association, notice, settings.network_timeout))

    def _tell_peer(self, report: Report) -> str:
        """Report on an association of our own; why it was not taken, or nothing."""
        settings = self._archive.settings
        title = report.commitment.peer
        peer = next((peer for peer in settings.peers if peer.ae_title == title), None)
        if peer is None:
            return f"{title!r} is no peer of the settings, so there is no address to report to; add it"
        contexts = [build_context(StorageCommitmentPushModel, list(NATIVE))]
        with associated(settings, peer, contexts, [build_role(StorageCommitmentPushModel, scp_role=True)]) as assoc:
            if assoc is None:
                return f"no association with {peer}"
            # Many a requester says nothing to the role that we propose and takes the report all the same.
            context = next(iter(assoc.accepted_contexts), None)
            if context is None or context.context_id is None:
                return f"{peer} does not take reports on storage commitment"
            request = notification(report.commitment, report.items, settings.ae_title, context.transfer_syntax[0])
            assoc.dimse.send_msg(request, context.context_id)
            _, answer = assoc.dimse.get_msg(block=True)
            valid = isinstance(answer, N_EVENT_REPORT) and answer.is_valid_response
            return _fault(answer.Status if valid else None)


def _fault(status: int | None) -> str:
    if status is None:
        return "the peer did not answer"
    return "" if status in (SUCCESS, *_WARNINGS) else f"the peer answered with {status:04X}"

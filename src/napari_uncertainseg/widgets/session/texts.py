"""All words of the Session dock: labels, buttons, tooltips, questions and sentences."""

from __future__ import annotations

from html import escape

from napari_uncertainseg._base import as_warning, pluralised
from napari_uncertainseg.review.lessons.scoring import Score
from napari_uncertainseg.review.session.recorder import Recorder
from napari_uncertainseg.review.session.remaining_errors import FEWEST, RemainingErrors
from napari_uncertainseg.review.session.rereading import ReadingStatus
from napari_uncertainseg.widgets.shared.number_table import format_number
from napari_uncertainseg.widgets.shared.session_file import shortened

# -- where sessions are kept --------------------------------------------------------------------

FILE, ANNOTATOR, ORDER = "File", "Annotator", "Order"
FILE_DIALOG, FILE_KINDS = "Sessions", "Sessions (*.db)"
SERVER = "Server…"
SERVER_TIP = "Store the sessions of several readers on a PostgreSQL server."
SERVER_DIALOG = "Sessions on a server"
SERVER_URL, SERVER_URL_EXAMPLE = "Server", "postgresql://reader@server/study"
SERVER_URL_TIP = "PostgreSQL address: user, server and database, without the password."
PASSWORD = "Password"
PASSWORD_TIP = "Used in this window only. It is not saved."
MASKS, CHOOSE_FOLDER, MASKS_DIALOG = "Masks", "Choose a folder…", "Folder for the masks"
MASKS_TIP = "Folder for painted masks. All readers need access to it."
NO_MASKS = "Choose the folder for the masks. All readers need access to it."


def file_tip(location: str) -> str:
    """Tooltip of the button that names the file of sessions."""
    return f"The sessions are saved in {location}\nClick to choose another file."


# -- one session --------------------------------------------------------------------------------

ORDER_TIP = "Order in which lesions and candidates are shown."
ORDERS = {
    "gain": (
        "expected errors",
        "Most expected errors per second first: lesions that are probably false, and candidates that are\n"
        "probably true, by the same number as the list; quick ones before slow ones.",
    ),
    "doubt": (
        "uncertainty",
        "Most doubtful first, as in the list: lesions that are least probably real, then\n"
        "candidates that are most probably real.",
    ),
    "size": ("size", "The largest first, by volume."),
    "random": ("random", "In random order."),
}
"""Title and tooltip of each order."""
START = "Start session"
START_TIP = (
    "Record this review. Each verdict and brush stroke is saved to disk before the next lesion is shown.\n"
    "Verdicts that you have already given are recorded first."
)
LEAVE = "Leave"
LEAVE_TIP = "Stop recording. The session stays open and can be resumed."
CLOSE = "Close session"
CLOSE_TIP = "End the session permanently. Nothing can be added to it afterwards."
RESUME = "Resume"
RESUME_TIP = "Load the verdicts and the painting of the selected session, and continue it."
READ_AGAIN = "Read again"
READ_AGAIN_TIP = (
    "Quality control of the selected session by another annotator, who does not see its verdicts:\n"
    "a second reading of all tasks, or a third reading of those on which the first two readers differ.\n"
    "Change the annotator's name first."
)
REPLAY = "Replay"
REPLAY_TIP = "Play back the selected session step by step, and score it against a consensus."

NO_PREDICTION = "No prediction yet: press Run in Segment."
REPLAYING = "Replay: nothing is recorded."
NO_NAME = (
    "Enter the annotator's name, then press Start session. Without a session, your review is saved "
    "automatically from the first verdict."
)
UNFINISHED = "Not recording. Your open session of this case is selected: press Resume to continue it."
BEING_REREAD = "A second or third reading is in progress. Replay is available when it is finished."
RECORD, WITHOUT_THEM = "Record them", "Start without them"
DISCARD, CLOSE_IT = "Discard them", "Close it"


def not_recording(reader: str) -> str:
    """That no session was started; for whom the first verdict begins one by itself, if it does."""
    if not reader:
        return "Not recording."
    return f"Your review will be saved automatically for {shortened(reader)}, from the first verdict on."


def saved_automatically(annotator: str) -> str:
    """What to do where no session was started."""
    return (
        f"This review is saved automatically under the name {shortened(annotator)}. "
        "To record it as a session, enter the annotator's name and press Start session."
    )


def ask_to_record(annotator: str, other: str) -> str:
    """Whether to record the review on screen; ``other`` is another annotator who gave a part, or empty."""
    part = f", some of them by {other}," if other else ""
    return f"Record the verdicts and the painting on screen{part} as the work of {annotator}?"


LOST = "Verdicts or painting on screen are not saved in a session and will be lost. Continue anyway?"


KEEP = "Verdicts or painting on screen were made after you left this session. Record them in it, too?"


CHANGED_ELSEWHERE = (
    "This session was changed in another window after you left it here. Press Start session to record what "
    "is on screen in a session of its own."
)


def other_prediction(case: str, instruction: str) -> str:
    """Why a session does not fit, of which case it is (empty where it has no task), and what to do."""
    of_case = f" of the case {case}" if case else ""
    return f"This session belongs to another prediction{of_case}: {instruction}"


def ask_to_close(without_verdict: int, tasks: int) -> str:
    """Whether to close a session that is not finished."""
    have = "has" if without_verdict == 1 else "have"
    return f"{without_verdict} of {tasks} tasks {have} no verdict yet. Close the session permanently?"


def closed(head: str) -> str:
    """What to keep of a session that was closed: its last hash, in groups of 16 digits."""
    groups = " ".join(head[i : i + 16] for i in range(0, len(head), 16))
    return f"Session closed. Keep its last hash in another place: {groups}"


def painting_not_recorded(problem: str) -> str:
    """A stroke that could not be saved."""
    return f"The painting is not recorded: {problem}"


# -- how far it is, and when to stop ------------------------------------------------------------

REMAINING_TIP = (
    "Errors are lesions that you do not accept as they are, and candidates that you do not reject.\n"
    "Estimate: from your verdicts on lesions with similar probability and uncertainty. It may be wrong.\n"
    "At most, with 95 % confidence: from the lesions that were drawn at random and mixed into the order.\n"
    "It makes no other assumption, and holds for any order and whenever you stop.\n"
    "All lesions that you skip may be errors."
)
TARGET = "remaining errors allowed"
TARGET_TIP = (
    "Number of errors that may remain among the unreviewed lesions and candidates when you stop,\n"
    "with 95 % confidence."
)
PROBABILITY, LESIONS = "largest probability", "lesions"
DIAGRAM_TIP = (
    "Share of true lesions, by your verdicts, at each largest probability that the model gives (0 to 1).\n"
    "It covers all lesions and candidates of this case, reviewed or not.\n"
    "Points: your verdicts, and an estimate for the rest. The first lesions in the order differ from the\n"
    "others, so a point can be wrong until most of its lesions are reviewed.\n"
    "Bars: 95 % confidence intervals of the true share, valid in any order. They use only your verdicts\n"
    "and the random checks, so they are long at first."
)


def describe_progress(recorder: Recorder) -> str:
    """How far a session is, as HTML."""
    reviewed, tasks, speed = len(recorder.current_verdicts), len(recorder.tasks), recorder.seconds_each
    each = "" if speed is None else f", {speed:.1f} s each (median)"
    hint = "" if reviewed else " Press Next in Lesions for the first."
    hint = hint if reviewed < tasks else " You can close the session."
    return (
        f"<b>{escape(shortened(recorder.session.annotator))}</b>: {reviewed} of {tasks} reviewed{each}. "
        f"Everything is saved.{hint}"
    )


def describe_remaining_errors(remaining: RemainingErrors) -> str:
    """How many errors are still to be expected, as HTML."""
    if not remaining.unseen:
        return "All tasks have been reviewed."
    estimate = (
        f"{remaining.unseen} not reviewed, about {remaining.expected:.0f} of them may be wrong (estimate)."
        if remaining.judged >= FEWEST
        else f"{remaining.unseen} not reviewed. The number of errors is estimated after {FEWEST} verdicts."
    )
    checks = pluralised(remaining.checks, "random check")
    if not remaining.checks:
        return f"{estimate} There is no upper limit yet: no random check has been reviewed."
    if remaining.most >= remaining.unseen:
        return f"{estimate} After {checks}, it is still possible that all are wrong."
    return f"{estimate} <b>At most {remaining.most}</b> with 95 % confidence, from {checks}."


def describe_calibration(remaining: RemainingErrors) -> str:
    """How far the diagram's points can be trusted; empty where that need not be said."""
    if remaining.judged >= FEWEST:
        return ""
    return f"Fewer than {FEWEST} verdicts: the points are mostly the model's own probabilities."


def describe_stopping(remaining: RemainingErrors, target: int) -> str:
    """Whether few enough errors remain, as HTML; and when that cannot be said."""
    if not remaining.unseen:
        return "all reviewed"
    if remaining.unseen <= target:
        return f"<b>✔ you may stop</b>: {remaining.unseen} left"
    if not remaining.checks:
        return "not known: no random checks yet"
    if remaining.most <= target:
        return "<b>✔ you may stop</b>"
    return f"not yet: up to {remaining.most}"


# -- all sessions -------------------------------------------------------------------------------

LIST_TIPS = {
    "reviewed": "Number of lesions and candidates with a verdict.",
    "state": "2nd and 3rd: a repeated reading by another annotator. A closed session cannot be changed.",
    "opened": "Month, day and time (UTC).",
}
UNREADABLE = "Not all sessions can be read."
AGREEMENT_TIP = "Of the verdicts that both readers gave. Kappa: 0 is chance, 1 is full agreement."


def describe_agreement(readings: ReadingStatus) -> str:
    """How far two readers agree, and how a third decided on the rest; as HTML."""
    second_session = readings.second or readings.first
    first, second = (escape(shortened(s.annotator)) for s in (readings.first, second_session))
    differing, neither = len(readings.differing), readings.with_neither
    agree = (
        f"{first} and {second} agree on {readings.same} of {readings.both} "
        f"(kappa {format_number(readings.kappa)}). "
    )
    if readings.third is None:
        return f"{agree}{differing} left for a third reader." if differing else agree.strip()
    third = escape(shortened(readings.third.annotator))
    reviewed = readings.with_first + readings.with_second + neither
    other = f", {neither} with neither" if neither else ""
    return (
        f"{agree}Of the other {differing}, {third} reviewed {reviewed}: {readings.with_first} agree with "
        f"{first}, {readings.with_second} with {second}{other}."
    )


VERIFY, EXPORT, REPORT, PSEUDONYMS = "Verify", "Export…", "Report…", "pseudonyms"
VERIFY_TIP = "Check that no session was changed after it was written."
EXPORT_TIP = (
    "Save one row for each task of all sessions, with its verdict, as a table (TSV);\n"
    "or everything including the journals, for an archive (JSON)."
)
REPORT_TIP = (
    "Save a report on all sessions, with pictures of locations where readers differ, as a web page (HTML).\n"
    "A browser can print it as PDF."
)
PSEUDONYMS_TIP = (
    "Replace the names of annotators and cases by numbers, and leave out comments and paths:\n"
    "for files you share outside your institution."
)
EXPORT_DIALOG, EXPORT_KIND, ARCHIVE_KIND = "Export the verdicts", "Table (*.tsv)", "Archive (*.json)"
REPORT_DIALOG, REPORT_KIND = "Report on the sessions", "Web page (*.html)"
NO_SESSION = "There is no session yet."
VERIFYING, REPORTING = "Checking the sessions …", "Writing the report …"
NAMES_IN_ARCHIVE = "An archive contains names. With pseudonyms, save a table (.tsv) instead."
READING_OPEN = (
    "A second or third reading is open. Verdicts can be exported when it is complete or closed; "
    "`uncertainseg session` can export them now."
)


def exported(tasks: int, path: str, hashes: str) -> str:
    """What was written, and what the file beside it is for."""
    return (
        f"Saved {tasks} tasks to {path}, and {hashes} beside it. Keep {hashes} in another place: with it you "
        "can check later that no journal was rewritten."
    )


def reported(path: str) -> str:
    """Where the report lies."""
    return f"Saved the report to {path}"


def verified(sound: int, sessions: int, partly: int, not_covered: str, faults: list[str]) -> str:
    """Result of a check: unchanged sessions, those that can only be checked in part, and faults."""
    unchanged = f"{sound} of {sessions} sessions are unchanged."
    unchanged += f" For {partly} of them not everything can be checked ({not_covered})." if partly else ""
    return "\n".join([unchanged, *(as_warning(fault) for fault in faults)])


# -- a replay -----------------------------------------------------------------------------------

STEP_TIP = "Steps of the session, in the order in which they were done."
BACK_TIP, FORWARD_TIP = "One step back.", "One step forward."
PLAY, STOP = "Play", "Stop"
PLAY_TIP = "Play automatically, one step every 1.2 s. Press again to stop."
END_REPLAY = "End replay"
LOCKED = f"During a replay nothing is recorded or exported: press {END_REPLAY} in Session first."
END_REPLAY_TIP = "Leave the replay, and return to your own review."
SCORE_AGAINST = "Score against"
SCORE_AGAINST_TIP = (
    "Score the verdicts of this session against a label layer. A verdict is right if it says correctly\n"
    "whether the label layer has a lesion at the voxel. Undecided verdicts are not counted."
)
NOTHING_TO_SCORE = "There is no decided verdict to score."


def played(number: int, steps: int) -> str:
    """Where it stands, for a mark above the list of lesions."""
    return f"▶ Playback of a session: step {number} of {steps}"


def describe_step(number: int, steps: int, at: str, action: str, where: str) -> str:
    """A step of a replay, as HTML."""
    time = escape(at[:19].replace("T", " "))
    return f"<b>{number} of {steps}</b>, {time} UTC: {escape(action)}{where}"


def describe_score(score: Score) -> str:
    """How right a session's verdicts are."""
    if not score.answers:
        return NOTHING_TO_SCORE
    return (
        f"{score.answers} decided, {score.accuracy:.0%} right. Lesions missed: {score.misses}, "
        f"false positives: {score.false_alarms}; d' {format_number(score.sensitivity)}, "
        f"criterion {format_number(score.criterion)}."
    )


# -- names of what has no word beside it, for programs that read the screen aloud --------------

BACK, FORWARD = "◀ Back", "Forward ▶"
STEP_NAME, TARGET_NAME, LIST_NAME = "Step", "Errors that may remain", "Sessions of this file"

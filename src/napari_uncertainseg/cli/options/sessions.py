"""The words of ``uncertainseg session``."""

from __future__ import annotations

import argparse

from napari_uncertainseg.cli.options.declare import RESULTS_WITH_MEMBERS, command, reads, writes
from napari_uncertainseg.cli.options.numbers import count, probability, seconds
from napari_uncertainseg.disk.outputs import FOLDER, NUMBERS, PAGE, TABLE

_NO_SESSIONS = "{} is not there; name the file of a Session dock."


def add_session(commands: argparse._SubParsersAction) -> None:
    """Add ``session`` and its actions."""
    parser = command(
        commands,
        "session",
        "session",
        "open sessions from a run; list, verify or export recorded ones, or simulate some",
    )
    actions = parser.add_subparsers(
        dest="action", metavar="new|list|verify|export|report|adjudicate|migrate|simulate", required=True
    )
    _add_new_sessions(actions)
    _add_recorded(actions)
    _add_adjudicate(actions)
    _add_migrate(actions)
    _add_simulate(actions)


def _add_recorded(actions: argparse._SubParsersAction) -> None:
    """Those that read recorded sessions."""
    for name, help in (
        ("list", "list the sessions: who reviewed which case, and how much of it"),
        ("export", "write all verdicts as TSV, and with --json the whole journal"),
        ("report", "write a web page: who reviewed what, where readers differ, and errors of the model"),
        ("verify", "check that nothing was changed after it was written; exit status 2 if something was"),
    ):
        action = actions.add_parser(name, help=help)
        reads(
            action,
            "file",
            missing=_NO_SESSIONS,
            type=str,
            metavar="FILE.db|URL",
            help="the file of the Session dock, or postgresql://user@host/name",
        )
        reads(
            action,
            "--masks",
            missing=None,
            metavar="DIR",
            help="the folder of the masks; needed for a server",
        )
        if name == "export":
            writes(action, "--out", kind=TABLE, required=True, metavar="FILE.tsv", help="where to")
            writes(action, "--json", kind=NUMBERS, metavar="FILE.json", help="the whole journal, with names")
            action.add_argument("--without-names", action="store_true", help="numbers for people and cases")
        if name == "report":
            _add_report(action)
        if name == "verify":
            action.add_argument("--session", metavar="ID", help="one session only")
            action.add_argument(
                "--head", metavar="HASH", help="the last hash that was shown when a session was closed"
            )
            reads(action, "--hashes", metavar="FILE.tsv", help="the table of last hashes beside an export")


def _add_migrate(actions: argparse._SubParsersAction) -> None:
    migrate = actions.add_parser(
        "migrate", help="bring a server of an older version up to date, once backed up"
    )
    migrate.add_argument("url", metavar="URL", help="postgresql://user@host/name")


def _add_simulate(actions: argparse._SubParsersAction) -> None:
    simulate = actions.add_parser(
        "simulate", help="compare the orders by simulated readers, on cases with a reference"
    )
    reads(simulate, "cases", table=True, metavar="CASES.tsv", help="the table of `evaluate --cases`")
    simulate.add_argument(
        "--seconds", type=seconds, default=6.0, help="reading time of a lesion of 10 mm3 (%(default)g)"
    )
    simulate.add_argument("--skill", type=probability, default=0.95, help="share that is right (%(default)g)")
    simulate.add_argument("--repeats", type=int, default=50, metavar="N", help="readings (%(default)s)")
    writes(simulate, "--tsv", kind=TABLE, metavar="FILE.tsv", help="write the table there too")


def _add_new_sessions(actions: argparse._SubParsersAction) -> None:
    new = actions.add_parser("new", help="open a session for each visit that a run says to read first")
    reads(
        new,
        "--from",
        dest="source",
        required=True,
        metavar="REPORT",
        help="the folder of a run, its report.html or its referral.tsv",
    )
    reads(
        new,
        "file",
        missing=None,  # it is made then
        type=str,
        nargs="?",
        metavar="FILE.db|URL",
        help="where the sessions go; the file that the window uses by default, if not given",
    )
    reads(new, "--masks", missing=None, metavar="DIR", help="the folder of the masks; needed for a server")
    new.add_argument("--annotator", default="", metavar="NAME", help="who reads")
    new.add_argument(
        "--visits",
        type=count,
        default=20,
        metavar="N",
        help="how many, from the top of the list (%(default)s)",
    )
    new.add_argument(
        "--order",
        choices=("doubt", "gain", "size", "random"),
        default="doubt",
        help="in which each session shows its lesions (%(default)s)",
    )


def _add_adjudicate(actions: argparse._SubParsersAction) -> None:
    action = actions.add_parser(
        "adjudicate", help="make one mask of two or three finished reviews of the same case"
    )
    reads(
        action,
        "file",
        missing=_NO_SESSIONS,
        type=str,
        metavar="FILE.db|URL",
        help="the file of the Session dock, or postgresql://user@host/name",
    )
    reads(
        action,
        "results",
        holds=RESULTS_WITH_MEMBERS,
        metavar="DIR",
        help="the folder of results that was reviewed",
    )
    action.add_argument(
        "--sessions",
        nargs="+",
        metavar="ID",
        help="which reviews; all that are finished, if not given, where these are two or three",
    )
    action.add_argument(
        "--rule",
        choices=("lesions", "voxels"),
        default="lesions",
        help="what the majority decides: lesions by their verdicts, or single voxels (%(default)s)",
    )
    writes(action, "--out", kind=FOLDER, required=True, metavar="DIR", help="a new folder")
    reads(action, "--masks", missing=None, metavar="DIR", help="the folder of the masks; needed for a server")


def _add_report(action: argparse.ArgumentParser) -> None:
    writes(action, "--out", kind=PAGE, required=True, metavar="REPORT.html", help="where to")
    action.add_argument("--session", metavar="ID", help="one session, with the other readings of it")
    action.add_argument("--without-names", action="store_true", help="numbers for people and cases")
    reads(
        action,
        "--results",
        nargs="+",
        metavar="DIR",
        help="folders of results of the scans that were read: compare the reasons that readers ticked with "
        "what the model's doubt goes with",
    )
    action.add_argument("--no-pictures", action="store_true", help="do not draw slices of the scans")

"""Tables of the review store; the journal is what counts, and the verdicts follow from it."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

KINDS = ("review", "training", "qc")
"""What a session can be."""

READINGS = ("review", "qc")
"""Those that read a case; those in training ask about one."""

TARGETS = ("lesion", "candidate", "case")
"""What a task can be about."""

HASH = 64
"""Characters of a SHA-256."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _among(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


projects = Table(
    "project",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created", String(32), nullable=False),
)

annotators = Table(
    "annotator",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created", String(32), nullable=False),
)

cases = Table(
    "case",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("name", String(200), nullable=False),
    # Relative to the store's folder, or absolute where the user's own data lie elsewhere; empty where nobody
    # knows.
    Column("folder", Text, nullable=False),
    # What its scans hold, see `images.identity`; None of a case that an older version kept.
    Column("sha256", String(HASH)),
    # Number of the case of an older version that this one was taken out of, as it may be another patient's.
    Column("split_of", Integer),
    UniqueConstraint("project_id", "name"),
    Index("ix_case_sha256", "project_id", "sha256", unique=True),
)

outputs = Table(
    "output",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("case_id", ForeignKey("case.id"), nullable=False),
    Column("sha256", String(HASH), nullable=False),
    Column("model", String(200), nullable=False),
    Column("model_sha256", String(HASH), nullable=False),
    Column("method", String(50), nullable=False),
    Column("threshold", Float, nullable=False),
    UniqueConstraint("case_id", "sha256"),
)

sessions = Table(
    "session",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("annotator_id", ForeignKey("annotator.id"), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("opened", String(32), nullable=False),
    Column("closed", String(32)),
    _among("kind", KINDS),
)

tasks = Table(
    "task",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("session_id", ForeignKey("session.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("case_id", ForeignKey("case.id"), nullable=False),
    Column("output_id", ForeignKey("output.id")),
    Column("target", String(20), nullable=False),
    Column("label", Integer, nullable=False),
    Column("voxel_s", Integer, nullable=False),
    Column("voxel_a", Integer, nullable=False),
    Column("voxel_r", Integer, nullable=False),
    Column("uncertainty", Float),
    Column("probability", Float),
    Column("volume_mm3", Float),
    UniqueConstraint("session_id", "position"),
    _among("target", TARGETS),
)

entries = Table(
    "entry",
    metadata,
    Column("session_id", ForeignKey("session.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("kind", String(30), nullable=False),
    Column("task_id", ForeignKey("task.id")),
    Column("content", Text, nullable=False),
    Column("previous", String(HASH), nullable=False),
    Column("hash", String(HASH), nullable=False),
)

verdicts = Table(
    "verdict",
    metadata,
    Column("task_id", ForeignKey("task.id"), primary_key=True),
    Column("session_id", ForeignKey("session.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("decision", String(20), nullable=False),
    Column("confidence", Float),
    Column("seconds", Float),
    Column("comment", Text, nullable=False),
    Column("mask_sha256", String(HASH)),
    # Why it was hard (names, with commas), how sure the reader is, and what another reason is; no value where
    # the reader ticked nothing.
    Column("reasons", String(100)),
    Column("sureness", Integer),
    Column("note", Text),
    Index(None, "session_id"),
)

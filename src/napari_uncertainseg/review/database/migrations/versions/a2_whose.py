"""A case is what its scans hold: the hash of them, and no longer a name.

The first version kept scans that were no single file, such as a DICOM folder, under the hash of the word
"None": all patients with one name of such a folder were one case. Each prediction of such a case becomes a
case of its own. The first one keeps the folder, which is its own; of the others nobody knows it.
"""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "a2"
down_revision = "a1"
branch_labels = None
depends_on = None

UNKNOWN = tuple(hashlib.sha256(b"None" * n).hexdigest()[:8] for n in (1, 2, 3))
"""What the names of such cases end in: one to three scans without a hash."""


def upgrade() -> None:
    """Add what a case is, and take apart what may be several patients."""
    op.add_column("case", sa.Column("sha256", sa.String(length=64)))
    op.add_column("case", sa.Column("split_of", sa.Integer()))  # SQLite cannot add a foreign key
    op.create_index("ix_case_sha256", "case", ["project_id", "sha256"], unique=True)
    cases = sa.table("case", *map(sa.column, ("id", "project_id", "name", "folder", "split_of")))
    for row in op.get_bind().execute(sa.select(cases)).all():
        if str(row.name).endswith(UNKNOWN):
            _take_apart(cases, row)


def _take_apart(cases: sa.TableClause, case: sa.Row) -> None:
    connection = op.get_bind()
    outputs = sa.table("output", sa.column("id"), sa.column("case_id"))
    tasks = sa.table("task", sa.column("case_id"), sa.column("output_id"))
    query = sa.select(outputs.c.id).where(outputs.c.case_id == case.id).order_by(outputs.c.id)
    for number, output in enumerate(connection.scalars(query).all()[1:], start=2):
        name = f"{case.name[:190]} ({number})"
        values = {"project_id": case.project_id, "name": name, "folder": "", "split_of": case.id}
        connection.execute(cases.insert().values(**values))
        made = connection.scalar(
            sa.select(cases.c.id).where(cases.c.split_of == case.id, cases.c.name == name)
        )
        connection.execute(outputs.update().where(outputs.c.id == output).values(case_id=made))
        connection.execute(tasks.update().where(tasks.c.output_id == output).values(case_id=made))

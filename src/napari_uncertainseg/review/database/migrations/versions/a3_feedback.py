"""What a reader says of a verdict beside it: why it was hard, and how sure they are."""

import sqlalchemy as sa
from alembic import op

revision = "a3"
down_revision = "a2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what was ticked; of earlier verdicts nothing was."""
    op.add_column("verdict", sa.Column("reasons", sa.String(length=100)))
    op.add_column("verdict", sa.Column("sureness", sa.Integer()))
    op.add_column("verdict", sa.Column("note", sa.Text()))

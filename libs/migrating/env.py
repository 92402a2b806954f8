"""Alembic's entry: runs the versions of one service on the connection libs.migration opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()

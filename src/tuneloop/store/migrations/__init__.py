"""The history of the tables: one numbered file in `versions/` for each change, never edited once released.

A change to `tables.py` needs the next number here and in `migrate.HEAD`; tests compare the tables that the migrations
make with `tables.py`, on SQLite and on PostgreSQL, and run them down and up again.  Changes to an existing table go
through `op.batch_alter_table`, as SQLite changes a table by copying it.
"""

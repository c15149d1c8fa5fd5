"""SQL over ordered keys: parse, plan, execute; catalog, indexes, and schema changes while everybody writes.

Begin with `session.py`, which runs a statement, and follow it down: `prepare`, `select`, `source`, `access`, `scan`.
`schema_change.py` is how an index comes into use.
"""

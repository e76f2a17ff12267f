"""Alarms: what goes wrong in the rows of a run's metrics.jsonl.

Each alarm is a pure function `(rows, limits) -> Finding | None`; `watch` tells
when one begins and ends, `remedies` which fields to try.
"""

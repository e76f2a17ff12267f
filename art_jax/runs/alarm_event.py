"""A line of alarms.jsonl: an alarm begins, or ends."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Event:
  """An alarm begins, or ends.

  Attributes:
    step: at which that was noticed.
    alarm: its name.
    begins: False: it ends.
    since: the first step at which it was so.
    text: one sentence: what was seen, since when, and what to try.
    fields: what to try, as `path=value`.
  """

  step: int
  alarm: str
  begins: bool
  since: int
  text: str
  fields: tuple[str, ...] = ()

  def as_row(self) -> dict[str, Any]:
    """Return the line of alarms.jsonl."""
    return dataclasses.asdict(self)


def from_row(row: Mapping[str, Any]) -> Event:
  """Return the event of a line of alarms.jsonl."""
  known = {field.name for field in dataclasses.fields(Event)}
  values = {name: value for name, value in row.items() if name in known}
  return Event(**{**values, 'fields': tuple(values.get('fields', ()))})

"""A line of alarms.jsonl: an alarm begins, or ends."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from art_jax import core

_KINDS = {
  'step': int,
  'alarm': str,
  'begins': bool,
  'since': int,
  'text': str,
  'fields': (list, tuple),
}


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
  """Return the event of a line of alarms.jsonl.

  Raises:
    core.UserError: it is none.
  """
  try:
    event = Event(**{name: row[name] for name in _KINDS if name in row})
  except TypeError as error:
    raise core.UserError(f'{row!r:.200} is no alarm ({error})') from None
  for name, kind in _KINDS.items():
    value = getattr(event, name)
    core.require(
      isinstance(value, kind),
      f'{row!r:.200} is no alarm ({name}={value!r:.50})',
    )
  return dataclasses.replace(event, fields=tuple(map(str, event.fields)))

"""When alarms begin and end: a pure function of the rows of a run."""

from collections.abc import Sequence

from art_jax import core
from art_jax.core.alarm_limits import Alarms
from art_jax.monitoring.alarms import duel, losses, remedies, samples
from art_jax.monitoring.alarms.rows import Finding, Row, Rows
from art_jax.runs.alarm_event import Event

_HEAD, _TAIL = 50, 400  # rows that are read: the first and the last
_PROBES = 100  # of the rows between them, the last that hold a probe
_EVERY = 10  # rows between two readings, unless a row holds a probe
_SILENT = 5  # readings in a row without it that end an alarm


def find(rows: Rows, limits: Alarms) -> list[Finding]:
  """Return what all alarms find in the rows so far."""
  findings = (
    losses.nan(rows),
    losses.diverging(rows, limits.loss) or losses.leaving(rows, limits.sample),
    losses.spiking(rows, limits.loss),
    losses.no_learning(rows, limits.loss, limits.sample),
    duel.discriminator_wins(rows, limits.duel),
    duel.generator_wins(rows, limits.duel),
    duel.overfitting(rows, limits.duel),
    samples.collapse(rows, limits.collapse),
    samples.memorization(rows, limits.sample),
    samples.checkerboard(rows, limits.sample),
  )
  return [finding for finding in findings if finding is not None]


class Watch:
  """Reads rows as they come; the same rows give the same events."""

  def __init__(
    self, experiment: core.Experiment, class_names: Sequence[str] = ()
  ):
    """Watch a run of this experiment, whose labels have these names."""
    self._experiment, self._class_names = experiment, tuple(class_names)
    self._head, self._probes, self._tail, self._count = [], [], [], 0
    self._firing: dict[str, tuple[Finding, int]] = {}

  def add(self, row: Row) -> list[Event]:
    """Take the next row; return what begins and ends with it."""
    full = len(self._head) == _HEAD
    (self._tail if full else self._head).append(row)
    self._probes += filter(None, map(_probe, self._tail[:-_TAIL]))
    del self._tail[:-_TAIL], self._probes[:-_PROBES]
    self._count += 1
    if self._count % _EVERY and not _probe(row) and losses.nan([row]) is None:
      return []
    rows = self._head + self._probes + self._tail
    findings = find(rows, self._experiment.train.alarms)
    return self._compare(int(row['step']), findings)

  def replay(self, rows: Rows) -> list[Event]:
    """Take many rows; return all that began and ended with them."""
    return [event for row in rows for event in self.add(row)]

  def _compare(self, step: int, findings: list[Finding]) -> list[Event]:
    events, now = [], {finding.alarm: finding for finding in findings}
    for name, finding in now.items():
      if name not in self._firing:
        events.append(self._begin(step, finding))
      self._firing[name] = finding, 0
    for name, (finding, silent) in list(self._firing.items()):
      if name in now:
        continue
      self._firing[name] = finding, silent + 1
      if silent + 1 >= _SILENT:
        del self._firing[name]
        events.append(
          Event(step, name, False, finding.since, f'{name} is over')
        )
    return events

  def _begin(self, step: int, finding: Finding) -> Event:
    fields = remedies.fields(finding.alarm, self._experiment)
    seen = finding.seen
    if finding.classes:
      seen += ': ' + ', '.join(map(self._class_name, finding.classes))
    text = f'{finding.alarm}: since step {finding.since} {seen}'
    if fields:
      text += f'; {remedies.sentence(fields)}'
    return Event(step, finding.alarm, True, finding.since, text, tuple(fields))

  def _class_name(self, label: int) -> str:
    known = label < len(self._class_names)
    return self._class_names[label] if known else f'class {label}'


def _probe(row: Row) -> Row:
  """Return the step of a row and what its probe measured; {} without one."""
  probed = {n: value for n, value in row.items() if n.startswith('probe/')}
  return {'step': row['step'], **probed} if probed else {}

"""A score with its protocol in its name, and the list of them."""

import dataclasses
from collections.abc import Callable

from art_jax import core


@dataclasses.dataclass(frozen=True)
class Score:
  """One number.

  Attributes:
    name: metric, extractor and number of pictures: 'kid/pixels32@1000'.
    value: the number.
    deviation: its error bar, if it has one.
    interval: its 95 % interval, if it has one.
    real: the same of the real pictures, where that says something.
    better: 'lower', 'higher', or 'like real'.
  """

  name: str
  value: float
  deviation: float | None = None
  interval: tuple[float, float] | None = None
  real: float | None = None
  better: str = 'lower'


@dataclasses.dataclass(eq=False)
class Scores:
  """Collects scores, and why others are missing.

  Attributes:
    wanted: names of metrics, e.g. 'fid'; empty: all that apply.
    rows: the scores.
    left_out: why others are missing, by name.
    subsets: which pictures are a part of all, by name, and how many.
  """

  wanted: tuple[str, ...] = ()
  rows: list[Score] = dataclasses.field(default_factory=list, init=False)
  left_out: dict[str, str] = dataclasses.field(default_factory=dict, init=False)
  subsets: dict[str, str] = dataclasses.field(default_factory=dict, init=False)
  _known: set[str] = dataclasses.field(default_factory=set, init=False)

  def wants(self, metric: str, default: bool = True) -> bool:
    """Return whether a metric is requested, by name or by default."""
    self._known.add(metric)
    return metric in self.wanted if self.wanted else default

  def add(self, name: str, value: float, **fields) -> None:
    """Add a score."""
    self.rows.append(Score(name, float(value), **fields))

  def tell_subset(self, name: str, count: int, total: int | None) -> None:
    """Note that pictures are `count` of `total`; None: that they are all."""
    if total:
      self.subsets[name] = f'a fixed random subset, {count} of {total} pictures'

  def attempt(
    self, metric: str, compute: Callable[[], None], default: bool = True
  ) -> None:
    """Compute a metric; one that was not requested by name may be left out."""
    if not self.wants(metric, default):
      return
    try:
      compute()
    except core.UserError as error:
      if self.wanted:
        raise
      self.left_out[metric] = str(error)

  def include(self, what: str, others: 'Scores') -> None:
    """Add the scores of one part, e.g. of a direction."""
    for row in others.rows:
      self.rows.append(dataclasses.replace(row, name=f'{what}/{row.name}'))
    for metric, reason in others.left_out.items():
      self.left_out[f'{what}/{metric}'] = reason
    self._known |= others._known

  def require_known(self) -> None:
    """Raise a UserError for requested metrics that do not apply."""
    unknown = [name for name in self.wanted if name not in self._known]
    core.require(
      not unknown,
      f'--metrics={",".join(unknown)}: not for this model or these '
      f'pictures; there are {", ".join(sorted(self._known))}',
    )

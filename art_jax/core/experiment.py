"""What a run is: the experiment, its data and its training, as values."""

import dataclasses
import math
import operator
from typing import Any, Protocol

from art_jax.core import alarm_limits, contracts, errors, traits


@dataclasses.dataclass(frozen=True)
class Steps:
  """A length of time counted in updates.

  Attributes:
    count: number of updates, >= 0.
  """

  count: int

  def __post_init__(self):
    errors.require(
      self.count >= 0,
      f'Steps({self.count}): a number of steps is >= 0; pass a larger one',
    )


@dataclasses.dataclass(frozen=True)
class Epochs:
  """A length of time counted in passes over the training pictures.

  Of two domains, the larger one counts.

  Attributes:
    count: number of passes, >= 0; fractions are fine.
  """

  count: float

  def __post_init__(self):
    object.__setattr__(self, 'count', float(self.count))
    errors.require(
      0 <= self.count < math.inf,
      f'Epochs({self.count}): a number of epochs is >= 0 and finite; pass '
      'another one',
    )


Duration = int | Steps | Epochs  # an int means steps


def in_steps(duration: Duration) -> int:
  """Return a duration of a resolved experiment, where each is a plain int."""
  assert isinstance(duration, int), duration
  return duration


class Source(Protocol):
  """Where pictures come from: a frozen dataclass in `art_jax.data.sources`."""

  def open(self, data: 'Data') -> Any:
    """Return the verified `art_jax.data.dataset.Dataset`; may read disks."""
    ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
  """What pictures a run trains on and how they are cut.

  Attributes:
    source: where they come from, e.g. `Folder('/pictures')`.
    size: side of the square training picture, in pixels.
    load_size: side to which a picture is resized before the random crop of
      `size` (CycleGAN: 286 for 256); None means `size`, i.e. no crop.
    fit: 'crop' keeps the aspect (resize the shorter side, cut the center),
      'stretch' does not (as pytorch-CycleGAN-and-pix2pix).
    flip: mirror left-right with probability 1/2.
    channels: 3 (RGB) or 1 (gray); pictures are converted.
    classes: names of the classes to keep, in the order of their labels;
      empty keeps all.
    heldout: share of the pictures never trained on, chosen by file hash,
      where the source has no test split of its own.
    max_bad: share of the files of a folder (of each class, domain and split)
      that are unreadable or too small, above which the run does not start.
    engine: 'resident' (the whole set in device memory as u8), 'streaming'
      (tf.data), or 'auto': resident up to 2 GiB, on accelerators and with
      several processes up to 256 MiB.
    cache: folder that keeps pictures decoded and resized, so that each file
      is decoded once, e.g. '~/.cache/art_jax/pictures'; it grows to 4 GiB at
      most, and to half of the free disk; None: none is kept.
  """

  source: Source
  size: int = 64
  load_size: int | None = None
  fit: str = 'crop'
  flip: bool = True
  channels: int = 3
  classes: tuple[str, ...] = ()
  heldout: float = 0.05
  max_bad: float = 0.05
  engine: str = 'auto'
  cache: str | None = None

  def __post_init__(self):
    size, load_size = self.size, self.load_size
    _require_fields(
      'data',
      self,
      ('size', size >= 8, 'is at least 8 pixels'),
      (
        'load_size',
        load_size is None or load_size >= size,
        f'is at least data.size={size} (the crop is cut out of it)',
      ),
      _one_of('fit', self.fit, 'crop', 'stretch'),
      _one_of('channels', self.channels, 1, 3),
      _one_of('engine', self.engine, 'auto', 'resident', 'streaming'),
      (
        'cache',
        self.cache is None or (self.cache and '://' not in self.cache),
        'is a folder of this machine, or None',
      ),
      ('heldout', 0 <= self.heldout < 1, 'is in [0, 1)'),
      ('max_bad', 0 <= self.max_bad <= 1, 'is in [0, 1]'),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Train:
  """How long a run trains, and how often it saves, logs and probes.

  Attributes:
    duration: length of the training.
    batch_size: examples of ONE update over all devices and processes.
    seed: of the weights, the data order and every random draw.
    log_every: interval of rows in metrics.jsonl.
    render_every: interval of image grids.
    checkpoint_every: interval of checkpoints.
    keep_last: number of newest checkpoints that are kept.
    keep_every: at multiples of it there is a checkpoint too, which is kept for
      ever; 0: none.
    render_count: number of held-out pictures in a grid.
    on_nan: what to do when a number is not finite: 'stop', or 'rollback': go
      on from the last good checkpoint with another data order.
    max_rollbacks: number of times that 'rollback' does so before it stops.
    on_data_change: what to do when a run is started again and its pictures are
      others than before: 'stop', or 'continue': go on with them, in another
      order from that step on. Classes that would get other labels always stop.
    on_alarm: what to do when an alarm begins: 'report' it, 'stop' the run
      after a checkpoint, or 'off': measure nothing.
    alarm_features: extractor in which samples are compared, see
      `art_jax.metrics.features`.
    alarms: the thresholds.
    evaluate_every: interval at which a step may become the best; 0: at every
      checkpoint.
    best_metric: a name of metrics.jsonl whose best checkpoint is kept beside
      the latest, 'auto' (the reconstruction error or the distance to the
      truth where there is one, else KID) or 'none'.
    accumulate: number of slices one update's batch is cut into to save
      memory; gradients are averaged over them.
    steps_per_call: number of steps in one call of the device, where nothing
      is due in between; needs the resident engine. It hides the host's part
      of short steps on accelerators and changes nothing on a CPU.
    shard_state: split parameters and optimizer state over the devices instead
      of keeping a copy on each, for networks too large for one.
    rescale: when `--set train.duration=...` changes the duration, scale the
      boundaries of every schedule in proportion.
    planned_duration: the duration that schedule boundaries were written
      for; None means `duration`. Set by `experiments.override`.
  """

  duration: Duration
  batch_size: int
  seed: int = 0
  log_every: Duration = 50
  render_every: Duration = Epochs(1)
  checkpoint_every: Duration = Epochs(1)
  keep_last: int = 3
  keep_every: Duration = 0
  render_count: int = 8
  on_nan: str = 'stop'
  max_rollbacks: int = 3
  on_data_change: str = 'stop'
  on_alarm: str = 'report'
  alarm_features: str = 'pixels32'
  alarms: alarm_limits.Alarms = alarm_limits.Alarms()
  evaluate_every: Duration = 0
  best_metric: str = 'auto'
  accumulate: int = 1
  steps_per_call: int = 1
  shard_state: bool = False
  rescale: bool = True
  planned_duration: Duration | None = None

  def __post_init__(self):
    rules: list[tuple[str, bool, str]] = [
      (name, getattr(self, name) >= 1, 'is at least 1')
      for name in (
        *('batch_size', 'accumulate', 'steps_per_call'),
        *('keep_last', 'render_count'),
      )
    ]
    rules += [
      (
        name,
        getattr(length, 'count', length) > 0,
        'is at least one step or epoch',
      )
      for name in ('duration', 'log_every', 'render_every', 'checkpoint_every')
      for length in [getattr(self, name)]
    ]
    alarms, parts = self.alarms, self.accumulate
    rules += [
      (f'alarms.{part}.{name}', value >= 1, 'is at least 1')
      for part in ('collapse', 'duel', 'loss', 'sample')
      for name, value in vars(getattr(alarms, part)).items()
      if name in ('rows', 'probes', 'patience', 'spikes')
    ]
    _require_fields(
      'train',
      self,
      *rules,
      ('seed', 0 <= self.seed < 2**32, 'is >= 0 and below 2**32'),
      ('max_rollbacks', self.max_rollbacks >= 0, 'is >= 0'),
      _one_of('on_nan', self.on_nan, 'stop', 'rollback'),
      _one_of('on_data_change', self.on_data_change, 'stop', 'continue'),
      _one_of('on_alarm', self.on_alarm, 'report', 'stop', 'off'),
      ('alarms.count', alarms.count >= 8, 'is at least 8'),
      ('alarms.reference', alarms.reference >= 8, 'is at least 8'),
      (
        'batch_size',
        parts < 1 or self.batch_size % parts == 0,
        f'is a multiple of train.accumulate={parts}',
      ),
    )


def tiny_train() -> Train:
  """Return the 20 steps of 8 pictures that a `tiny()` trains for."""
  return Train(
    duration=20,
    batch_size=8,
    log_every=5,
    render_every=10,
    checkpoint_every=10,
  )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
  """Everything a run needs and nothing else; hashable and printable.

  Attributes:
    algorithm: the model: its networks, losses and optimizers.
    data: the pictures, and how they are cut.
    train: how long, in what batches, and what is kept.
  """

  algorithm: contracts.Algorithm
  data: Data
  train: Train

  @property
  def rows_per_step(self) -> int:
    """Examples of one step."""
    return self.train.batch_size * traits.batches_per_step(self.algorithm)


def _require_fields(part: str, config: Any, *rules: tuple) -> None:
  """Require rules (field, whether it holds, the rule in words) of a config."""
  for field, holds, rule in rules:
    name, value = f'{part}.{field}', operator.attrgetter(field)(config)
    errors.require(
      holds,
      f'{name}={value!r}: {name} {rule}; pass --set {name}=... with such a '
      'value',
    )


def _one_of(field: str, value: Any, *allowed: Any) -> tuple[str, bool, str]:
  return field, value in allowed, f'is one of {", ".join(map(repr, allowed))}'

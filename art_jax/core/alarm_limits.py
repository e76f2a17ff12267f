"""The thresholds of the alarms, as fields of a run's config.

They were set on short runs on the built-in pictures, see docs/report.md.
This file imports nothing of the package, because `core` imports it.
"""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class CollapseAlarm:
  """The samples are too much alike.

  Attributes:
    diversity: fires below this mean distance of two samples (of two samples
      of one class), relative to that of two pictures of the data.
    distinct: fires below this effective number of distinct samples, relative
      to that of as many pictures of the data.
    recovered: a model that never came this far in diversity still learns to
      begin with, and is given `patience` times longer.
    probes: number of probes in a row that must agree.
    patience: see `recovered`.
  """

  diversity: float = 0.3
  distinct: float = 0.05
  recovered: float = 0.5
  probes: int = 2
  patience: int = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class DuelAlarm:
  """One side of a GAN wins, or the discriminator memorizes pictures.

  Attributes:
    rows: number of last rows that are read.
    accuracy: D wins if it is right about more than this share of the real and
      of the fake pictures ...
    probability: ... and calls fakes real with less than this probability.
    fooled: G wins if D is right about less than this share of the fakes.
    overfit: D memorizes if its score drops by more than this share of
      the way from training pictures to fakes on held-out ones (r_v
      of Karras et al. 2020, arXiv:2006.06676, eq. 1).
    probes: number of probes in a row that must agree on `overfit`.
  """

  rows: int = 20
  accuracy: float = 0.99
  probability: float = 0.01
  fooled: float = 0.1
  overfit: float = 0.8
  probes: int = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossAlarm:
  """A loss grows without end, jumps, or does not move.

  Attributes:
    rows: number of last rows that are read; a loss began where as many first
      ones are.
    growth: a loss diverges above this multiple of the lowest it has been ...
    beginning: ... if it is also above this multiple of where it began.
    unbounded: what takes both signs (a Wasserstein loss) measures no error
      and diverges above this multiple of its beginning (of 1 at least).
    spike: a row is a spike above this multiple of the rows around it, if it
      is also above `beginning`.
    spikes: number of spikes among the last rows that fire it.
    still: no loss has moved by more than this share of itself.
    still_steps: number of steps before that fires.
  """

  rows: int = 20
  growth: float = 10.0
  beginning: float = 3.0
  unbounded: float = 1000.0
  spike: float = 5.0
  spikes: int = 3
  still: float = 0.01
  still_steps: int = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleAlarm:
  """Samples are copies, or show the grid of the up-sampling.

  Attributes:
    memorized: share of samples that are copies of training pictures above
      which it fires.
    checkerboard: energy at the up-sampling frequencies, relative to the
      data's, above which it fires.
    further: samples diverge above this multiple of the distance (KID) of gray
      pictures to the data.
    improved: the distance of the samples must fall below this share of it.
    probes: number of probes in a row that must agree.
    patience: number of probes that learning (`improved`) gets; the
      checkerboard of an untrained network gets twice as many.
  """

  memorized: float = 0.3
  checkerboard: float = 5.0
  further: float = 2.0
  improved: float = 0.95
  probes: int = 2
  patience: int = 6


@dataclasses.dataclass(frozen=True, kw_only=True)
class Alarms:
  """What fires when; and what is measured for it.

  Attributes:
    count: number of samples of fixed latents in a probe; a translator's and
      a diffusion model's is a quarter of it.
    reference: number of training pictures, at most, that they are compared
      with.
    collapse, duel, loss, sample: the thresholds.
  """

  count: int = 128
  reference: int = 1000
  collapse: CollapseAlarm = CollapseAlarm()
  duel: DuelAlarm = DuelAlarm()
  loss: LossAlarm = LossAlarm()
  sample: SampleAlarm = SampleAlarm()

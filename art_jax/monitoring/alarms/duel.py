"""Alarms on generator against discriminator.

They need `verdict/...` rows, which only a discriminator that gives a
probability writes: a Wasserstein critic has no boundary to be right about.
"""

import numpy as np

from art_jax.core.alarm_limits import DuelAlarm
from art_jax.monitoring.alarms.rows import (
  Finding,
  Rows,
  agree,
  matching,
  names,
  series,
)


def discriminator_wins(rows: Rows, limits: DuelAlarm) -> Finding | None:
  """Fire if D is always right and sure, and G gets no better by it."""
  last = _last(rows, limits)
  for domain, fake in last['verdict/fake'].items():
    real = last['verdict/real'].get(domain)
    sure = last['probability/fake'].get(domain)
    if real is None or sure is None:
      continue
    right = min(np.median(real.values), np.median(fake.values))
    doubt, since = float(np.median(sure.values)), int(fake.steps[0])
    clear = right >= limits.accuracy and doubt <= limits.probability
    if clear and not _improves(rows, since):
      return Finding(
        'discriminator_wins',
        since,
        f'the discriminator{domain.replace("_", " of ")} is right about '
        f'{right:.0%} of all pictures and gives fakes {doubt:.2g} to be '
        'real, so the generator learns little from it',
      )
  return None


def generator_wins(rows: Rows, limits: DuelAlarm) -> Finding | None:
  """Fire if D takes nearly all fakes for real."""
  for domain, fake in _last(rows, limits)['verdict/fake'].items():
    right = float(np.median(fake.values))
    if right < limits.fooled:
      return Finding(
        'generator_wins',
        int(fake.steps[0]),
        f'the discriminator{domain.replace("_", " of ")} is right about only '
        f'{right:.0%} of the fakes',
      )
  return None


def overfitting(rows: Rows, limits: DuelAlarm) -> Finding | None:
  """Fire if D scores held-out pictures like fakes, training ones not."""
  train, heldout, fake = (
    series(rows, f'probe/score/{name}') for name in ('train', 'heldout', 'fake')
  )
  if not len(train) == len(heldout) == len(fake):
    return None
  gap = train.values - fake.values
  drop = (train.values - heldout.values) / np.where(gap > 0, gap, np.inf)
  holds = drop > limits.overfit
  if not agree(holds, limits.probes):
    return None
  return Finding(
    'overfitting',
    train.since(holds),
    f'the discriminator scores held-out pictures {drop[-1]:.0%} of the way '
    'from training pictures to fakes: it has memorized the training pictures',
  )


def _last(rows: Rows, limits: DuelAlarm) -> dict:
  """Return, by name and domain ('', '_a'), the last rows of enough."""
  return {
    kind: {
      name.removeprefix(kind): series(there[-limits.rows :], name)
      for name in names(rows, kind + '(_.*)?')
      if len(there := [row for row in rows if name in row]) >= 2 * limits.rows
    }
    for kind in ('verdict/real', 'verdict/fake', 'probability/fake')
  }


def _improves(rows: Rows, since: int) -> bool:
  """Tell whether the samples have come nearer to the data since a step."""
  for _, kid in matching(rows, r'probe/kid/[^/]*'):
    after = kid.steps > since
    if after.any() and not after.all():
      return bool(kid.values[after].min() < kid.values[~after].min())
  return False

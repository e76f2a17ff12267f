"""Which fields of an experiment may change when its run is continued."""

from art_jax import core
from art_jax.config import experiments

# Where the pictures lie, and which classes of them are taken.
DATA_PLACES = (
  'data.classes',
  'data.source.root',
  'data.source.a',
  'data.source.b',
  'data.source.path',
  'data.source.file',
  'data.source.data_dir',
  'data.source.manual_dir',
)
# A run may be continued with these changed: they do not touch its numbers.
RESUMABLE = (
  'train.duration',
  'train.planned_duration',
  'train.log_every',
  'train.render_every',
  'train.checkpoint_every',
  'train.render_count',
  'train.keep_last',
  'train.keep_every',
  'train.on_nan',
  'train.max_rollbacks',
  'train.on_alarm',
  'train.alarm_features',
  'train.alarms',
  'train.evaluate_every',
  'train.best_metric',
  'train.steps_per_call',
  'train.shard_state',
  'train.on_data_change',
  'data.engine',
  'data.cache',
  # What pictures these lead to is told by the fingerprint of the data.
  'data.max_bad',
  *DATA_PLACES,
)


def resumable(path: str) -> bool:
  """Tell whether a run may be continued with this field changed."""
  return any(path == name or path.startswith(f'{name}.') for name in RESUMABLE)


def moved(old: core.Experiment, new: core.Experiment) -> bool:
  """Tell whether the pictures of two experiments may lie apart."""
  return any(path in DATA_PLACES for path in experiments.differences(old, new))

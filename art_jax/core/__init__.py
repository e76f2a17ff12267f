"""The contracts, the types of a config, and the errors that all parts share.

`from art_jax import core` gives them all: `core.Algorithm`, `core.UserError`.
"""

from art_jax.core.alarm_limits import Alarms
from art_jax.core.contracts import (
  Algorithm,
  Batch,
  Classifier,
  Encoder,
  Generative,
  Images,
  Key,
  Metrics,
  Networks,
  Params,
  PyTree,
  Scorer,
  State,
  Translator,
  batches_per_step,
  pretrained,
)
from art_jax.core.errors import Diverged, StorageError, UserError
from art_jax.core.experiment import (
  Data,
  Duration,
  Epochs,
  Experiment,
  Source,
  Steps,
  Train,
  tiny_train,
)

__all__ = [
  'Alarms',
  'Algorithm',
  'Batch',
  'Classifier',
  'Data',
  'Diverged',
  'Duration',
  'Encoder',
  'Epochs',
  'Experiment',
  'Generative',
  'Images',
  'Key',
  'Metrics',
  'Networks',
  'Params',
  'PyTree',
  'Scorer',
  'Source',
  'State',
  'Steps',
  'StorageError',
  'Train',
  'Translator',
  'UserError',
  'batches_per_step',
  'pretrained',
  'tiny_train',
]

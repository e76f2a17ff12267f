"""Which experiment to begin with, by what a user wants and has."""

from typing import NamedTuple


class Recommended(NamedTuple):
  """Experiments to begin with.

  Attributes:
    aim: what a user wants.
    experiments: names by the hardware that each suits.
    then: the next command, or ''.
  """

  aim: str
  experiments: dict[str, str]
  then: str = ''


# By docs/projected.md (one core-hour) and docs/cut.md; on a GPU as published.
RECOMMENDED = (
  Recommended(
    'new pictures from a folder of paintings',
    {
      'one CPU core': 'projected_paintings64',
      'a CPU overnight': 'projected_paintings128',
      'a GPU, TPU or pod': 'projected_paintings',
    },
    'art_jax paint RUN',
  ),
  Recommended(
    'photos as paintings, from two folders',
    {'a CPU': 'cyclegan_demo', 'a GPU, TPU or pod': 'cut'},
  ),
  Recommended('one photo like one painting', {'': 'style_transfer_nnst'}),
)


def lines(quote: str = '') -> list[str]:
  """Return a sentence for each aim.

  Args:
    quote: stands around names of experiments and commands.
  """
  sentences = []
  for aim, by_hardware, then in RECOMMENDED:
    names = [
      f'{quote}{name}{quote}' + (f' ({on})' if on else '')
      for on, name in by_hardware.items()
    ]
    after = f'; then {quote}{then}{quote}' if then else ''
    sentences.append(f'{aim}: {", ".join(names)}{after}')
  return sentences

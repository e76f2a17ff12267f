r"""Lists the pictures of a folder that training keeps aside.

  python -m tools.studies.heldout_names --data=FOLDER \
    --output=docs/results/van_gogh_heldout.txt

They are those that `--set data.heldout=0.1` holds out. Which ones depends on
their names alone, so figures of several models are measured on the same ones.
"""

import pathlib

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.data import detect
from tools import command

_SIZE = 64  # pictures below it have no part


def names(data: str, share: float) -> list[str]:
  """Return the names of the held-out pictures, without folders.

  Args:
    data: folder or archive of pictures, as `--data` of training.
    share: of them that is held out.

  Raises:
    core.UserError: nothing is held out.
  """
  source, _ = detect.parse(data, ('image',), False)
  dataset = source.open(core.Data(source=source, size=_SIZE, heldout=share))
  aside = dataset.heldout[0]
  core.require(
    aside is not dataset.train[0],
    f'--share={share} holds none of {len(aside)} pictures out; pass more',
  )
  return sorted(pathlib.PurePath(name).name for name in aside.names)


def main(data: str, output: str, *, share: float = 0.1) -> None:
  """Write one name a line.

  Args:
    data: folder or archive of pictures, as `--data` of training.
    output: file to write.
    share: of the pictures that is held out, `data.heldout`.
  """
  listed = names(data, share)
  write_atomic(output, ''.join(f'{name}\n' for name in listed).encode())
  print(f'{output}: {len(listed)} pictures')


if __name__ == '__main__':
  command.run(main)

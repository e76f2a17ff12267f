"""What the commands of docs/gallery.md read: files, folders, trained runs."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Input:
  """A file or a folder that commands read.

  Attributes:
    below: its path in the folder of assets; of a folder of several files, those
      of the files.
    origin: what it is, and its license.
    get: how to get it.
  """

  below: tuple[str, ...]
  origin: str
  get: str


@dataclasses.dataclass(frozen=True)
class Trained:
  """A run that commands read.

  Attributes:
    names: other names that its folder may have.
    training: the command that trains it.
    cost: how long that takes.
  """

  names: tuple[str, ...]
  training: str
  cost: str


def _photo(name: str, origin: str) -> Input:
  get = f'take it from scikit-image, skimage/data/{name}'
  return Input((f'images/content/{name}',), origin, get)


_OLD = 'public domain by age'
_OWN = 'put any painting under this name'
_PAINTINGS = {
  'composition_vii.jpg': 'Kandinsky, Composition VII, 1913',
  'great_wave.jpg': 'Hokusai, The Great Wave off Kanagawa, about 1831',
  'shipwreck.jpg': 'Turner, The Shipwreck of the Minotaur, about 1810',
  'starry_night.jpg': 'van Gogh, The Starry Night, 1889',
  'the_scream.jpg': 'Munch, The Scream, 1893',
}
INPUTS = {
  'astronaut.png': _photo('astronaut.png', 'photo by NASA, public domain'),
  'chelsea.png': _photo('chelsea.png', 'photo by S. van der Walt, CC0'),
  'rocket.jpg': _photo('rocket.jpg', 'photo by SpaceX, CC0'),
  **{
    name: Input((f'images/style/{name}',), f'{what}; {_OLD}', _OWN)
    for name, what in _PAINTINGS.items()
  },
  'paintings': Input(
    tuple(f'images/style/{name}' for name in _PAINTINGS),
    f'a folder with these five: {", ".join(_PAINTINGS)}; {_OLD}',
    'make a folder of paintings of 1,024 px',
  ),
  'van_gogh': Input(
    ('datasets/paintings/van_gogh',),
    f'836 paintings by Vincent van Gogh, shorter side 256 px; {_OLD}',
    'make a folder of his paintings',
  ),
  **{
    f'{name}.safetensors': Input(
      (f'weights/style/transformer_net_{name}.safetensors',),
      f'the network `{name}` of the PyTorch examples, BSD 3-Clause, converted '
      'from the ONNX model zoo',
      f'convert saved_models/{name}.pth of the PyTorch examples, '
      '[weights](weights.md)',
    )
    for name in ('candy', 'mosaic')
  },
}
RUNS = {
  'projected_paintings64': Trained(
    ('projected64',),
    'art_jax train projected_paintings64 --data=van_gogh '
    '--set data.heldout=0.1 --set train.duration=30000',
    '30,000 steps, an hour of one core',
  ),
  'flow_paintings': Trained(
    ('flow64',),
    'art_jax train flow_paintings --data=van_gogh --set data.heldout=0.1 '
    '--set train.duration=5150 --set train.rescale=false',
    '5,150 steps, an hour of one core',
  ),
  'cyclegan_demo': Trained(
    (),
    'art_jax train cyclegan_demo --devices=1',
    '3,000 steps, 3 minutes of one core',
  ),
  'pix2pix_scenes': Trained(
    (),
    'art_jax train pix2pix_facades --devices=1 '
    '--set \'data.source=Builtin(layout="labels",count=400)\' '
    '--set algorithm.direction=ab --set data.size=128 --set data.load_size=143 '
    '--set algorithm.generator.levels=7 --set algorithm.generator.width=32 '
    '--set algorithm.generator.upsample=blur '
    '--set algorithm.generator_optimizer.learning_rate=5e-4 '
    '--set algorithm.discriminator.width=32 '
    '--set algorithm.discriminator_optimizer.learning_rate=1e-4 '
    "--set 'algorithm.generator_optimizer.schedule="
    "LinearDecay(start=6000,end=9000)' "
    "--set 'algorithm.discriminator_optimizer.schedule="
    "LinearDecay(start=6000,end=9000)' "
    '--set train.duration=9000 --set train.rescale=false '
    '--workdir=runs/pix2pix_scenes',
    '9,000 steps, 1,310 CPU seconds',
  ),
  'adain_demo': Trained(
    (),
    'art_jax train adain_demo --data=photos_and_paintings --devices=1',
    '4,000 steps, 41 minutes of one core',
  ),
}

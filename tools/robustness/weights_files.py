"""Small files of weights for mutations.py, honest and hostile ones."""

import functools
import io
import random

import h5py
import jax
import numpy as np
import safetensors.numpy

from art_jax.nn import dcgan, patchgan, resnet_generator, unet
from art_jax.weights import families
from tools.robustness import torch_pickles


def tensors(rng: random.Random) -> dict[str, np.ndarray]:
  """Return a few small arrays, of no network."""
  kinds = ('float32', 'float16', 'int64', 'uint8')
  return {
    f'model.{i}.weight': np.ones(
      [rng.randint(0, 4) for _ in range(rng.randint(0, 4))], rng.choice(kinds)
    )
    for i in range(rng.randint(1, 4))
  }


@functools.cache
def _networks() -> list[dict[str, np.ndarray]]:
  """Return small networks of every family under their foreign names."""
  picture = np.zeros((1, 64, 64, 3), np.float32)
  modules = {
    resnet_generator.ResnetGenerator(2, 1): picture,
    unet.UNet(2, 5): picture,
    patchgan.PatchGAN(2, 3, 'batch'): picture,
    dcgan.DCGANGenerator(32, 3, 2, latent_size=3): np.zeros((1, 3), np.float32),
    dcgan.DCGANDiscriminator(2): picture,
  }
  return [
    families.to_torch(
      module,
      jax.tree.map(
        lambda leaf: np.zeros(leaf.shape, np.float32),
        jax.eval_shape(module.init, jax.random.key(0), x),
      ),
    )
    for module, x in modules.items()
  ]


def network(rng: random.Random) -> tuple[str, bytes]:
  """Return the weights of a network, some with a name or a shape changed."""
  tensors = dict(rng.choice(_networks()))
  name = rng.choice(sorted(tensors))
  value, lie = tensors.pop(name), rng.randrange(5)
  if lie == 1:
    name += rng.choice(('x', '.weight', '\x00', '../../owned'))
  if lie < 4:
    lies = {0: value[..., :1], 2: np.full_like(value, np.nan)}
    tensors[name] = lies.get(lie, value)
  return 'x.safetensors', safetensors.numpy.save(tensors)


def torch(rng: random.Random) -> tuple[str, bytes]:
  """Return an honest .pth of either format, or one with code inside."""
  arrays = {k: v for k, v in tensors(rng).items() if v.dtype != np.uint8}
  if rng.random() < 0.7:
    return 'x.pth', torch_pickles.state_dict(arrays, rng.random() < 0.5)
  command = torch_pickles.text(f'touch {rng.choice(("owned", "./owned"))}')
  name = rng.choice((('posix', 'system'), ('os', 'system'), ('os', 'popen')))
  call = torch_pickles.call(torch_pickles.name(*name), command)
  call = rng.choice((call, b'}(' + torch_pickles.text('a') + call + b'u'))
  write = torch_pickles.archive if rng.random() < 0.5 else torch_pickles.stream
  return 'x.pth', write(call, {})


def pickle(rng: random.Random) -> tuple[str, bytes]:
  """Return the instructions that describe tensors, to be damaged alone."""
  entries = {
    f'model.{i}.weight': torch_pickles.tensor(
      f'{i}', 100, (10, 5), (5, 1), start=rng.randrange(50)
    )
    for i in range(rng.randint(1, 5))
  }
  call = torch_pickles.call(
    torch_pickles.name(*rng.choice((('os', 'system'), ('torch', 'Size')))),
    torch_pickles.text('touch owned'),
  )
  calls = call * (rng.random() < 0.3)
  return 'x.pickle', calls + torch_pickles.mapping(entries)


def keras(rng: random.Random) -> tuple[str, bytes]:
  """Return an .h5 file, some with a link that leads elsewhere."""
  out = io.BytesIO()
  with h5py.File(out, 'w', libver=rng.choice(('earliest', 'latest'))) as file:
    for name, value in tensors(rng).items():
      packed = rng.random() < 0.5 and value.ndim > 0
      packing = {'compression': 'gzip', 'shuffle': True} if packed else {}
      file.create_dataset(f'layer/{name}:0', data=value, **packing)
    file.attrs['model_config'] = '{"class_name": "Lambda"}'
    if rng.random() < 0.2:
      file['out'] = h5py.ExternalLink('owned', '/')
  return 'x.h5', out.getvalue()

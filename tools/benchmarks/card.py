"""Everything that one lent GPU has to tell, in one call of under six minutes.

  tools/benchmarks/card.sh --prepare PAINTINGS   # at home: packs build/card
  tools/benchmarks/card.sh OUT                   # there: OUT/*.json, *.png

Each part is a process of its own with a limit of its seconds, and writes
OUT/PART.json item by item, so that what is done when it is ended stays:

  steps      every algorithm's step on the card against the CPU
  peers      our steps beside PyTorch's: TF32 and bfloat16
  bounds     predicted against measured memory, launches and time; input
  paintings  the recommended GAN and flow at 64 and 128 px, a grid of each

What is not installed is left out and named.
"""

import importlib.util
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from typing import Annotated

from PIL import Image, ImageOps

from art_jax import core
from art_jax.core.paths import write_atomic
from art_jax.weights import catalogue
from tools import command

PACK = pathlib.Path(__file__).resolve().parents[2] / 'build' / 'card'
LIMITS = {'steps': 60, 'peers': 100, 'bounds': 40, 'paintings': 140}
_MOST = 40_000_000  # bytes of the pack
_SIDE = 160  # of the shorter side of a packed painting
_SUFFIXES = ('.jpg', '.jpeg', '.png', '.webp')
WEIGHTS = 'efficientnet_lite0'  # of the recommended GAN
# Pure Python, and often not where a card is; its needs come with TensorBoard.
_PACKAGES = ('tensorboardX',)
_GRACE = 4  # seconds in which a part ends by itself; all parts: 356


def main(
  out: str = '',
  *,
  prepare: str = '',
  parts: tuple[str, ...] = (),
  scale: Annotated[float, 0.01] = 1.0,
  tiny: bool = False,
) -> int:
  """Measure, or pack what measuring takes along.

  Args:
    out: folder for the files; made, or empty of theirs.
    prepare: folder of paintings to pack into build/card; nothing is measured.
    parts: to run; default: all.
    scale: of the limit of each part.
    tiny: a few toy items of each part, to try it on a CPU.
  """
  if prepare:
    print(pack(pathlib.Path(prepare).expanduser()))
    return 0
  chosen = command.chosen('parts', parts, LIMITS)
  core.require(out, 'name the folder to write, or --prepare=PAINTINGS')
  folder = pathlib.Path(out).expanduser()
  folder.mkdir(parents=True, exist_ok=True)
  there = [name for name in chosen if (folder / f'{name}.json').exists()]
  core.require(
    not there, f'{folder / "".join(there[:1])}.json exists: name another folder'
  )
  for name in chosen:
    print(run(name, folder, scale * LIMITS[name], tiny), flush=True)
  return 0


def run(name: str, folder: pathlib.Path, limit: float, tiny: bool) -> str:
  """Run a part, end it at its limit; return a line that says how it went."""
  began = time.monotonic()
  words = [sys.executable, '-m', 'tools.benchmarks.card_parts', name]
  carried = PACK / 'site'
  path = os.pathsep.join([os.environ.get('PYTHONPATH', ''), str(carried)])
  process = subprocess.Popen(
    [*words, str(folder), f'--seconds={limit}', f'--tiny={str(tiny).lower()}'],
    env={**os.environ, 'PYTHONPATH': path.lstrip(os.pathsep)},
    start_new_session=True,  # its own processes end with it
  )
  try:
    code = process.wait(limit + _GRACE)
  except subprocess.TimeoutExpired:
    code = 'ended at its limit'
  finally:
    try:
      os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
      pass
    process.wait()
  file = folder / f'{name}.json'
  if not file.exists():
    write_atomic(file, json.dumps({'part': name, 'failed': code}).encode())
  items = json.loads(file.read_text()).get('items', {})
  return f'{name}: {len(items)} item(s) in {time.monotonic() - began:.0f} s' + (
    f', {code}' if code else ''
  )


def pack(paintings: pathlib.Path) -> str:
  """Fill build/card; return a line that says with what.

  Raises:
    core.UserError: there are no pictures in the folder.
  """
  files = sorted(
    p for p in paintings.rglob('*') if p.suffix.lower() in _SUFFIXES
  )
  core.require(files, f'--prepare={paintings}: there are no pictures in it')
  shutil.rmtree(PACK, ignore_errors=True)
  PACK.mkdir(parents=True)
  said = []
  for name in _PACKAGES:
    if spec := importlib.util.find_spec(name):
      source = pathlib.Path(str(spec.origin)).parent
      ignored = shutil.ignore_patterns('__pycache__')
      shutil.copytree(source, PACK / 'site' / name, ignore=ignored)
      said.append(name)
  try:
    weights = catalogue.find(WEIGHTS)
    shutil.copy(weights, PACK / f'{WEIGHTS}{weights.suffix}')
    said.append(WEIGHTS)
  except core.UserError as error:
    said.append(f'not {WEIGHTS}, so no GAN there ({error})')
  left = _MOST - sum(p.stat().st_size for p in PACK.rglob('*') if p.is_file())
  count = 0
  with zipfile.ZipFile(PACK / 'paintings.zip', 'w') as archive:
    for file in files:
      data = _small(file)
      left -= len(data) + 500  # its entries
      if left < 0:
        break
      archive.writestr(f'{count:05}.jpg', data)
      count += 1
  said.insert(0, f'{count} of {len(files)} paintings')
  return f'{PACK}: {", ".join(said)}; {(_MOST - left) / 1e6:.1f} MB'


def _small(file: pathlib.Path) -> bytes:
  """Return a painting as a JPEG that is no larger than training needs."""
  with Image.open(file) as opened:
    picture = ImageOps.exif_transpose(opened).convert('RGB')
  scale = _SIDE / min(picture.size)
  if scale < 1:
    width, height = (max(round(scale * x), _SIDE) for x in picture.size)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
  out = io.BytesIO()
  picture.save(out, 'JPEG', quality=92)
  return out.getvalue()


if __name__ == '__main__':
  command.run(main)

"""Run folders written by hand, for tests of what only reads them."""

import json
import pathlib

import jax
import numpy as np
from PIL import Image

from art_jax.config import experiments, serialization, shapes
from art_jax.runs.checkpoints import Checkpoints


def write(
  path: pathlib.Path,
  *,
  name: str = 'dcgan_mnist',
  steps: int = 8,
  duration: int = 20,
  saved: int | None = None,
) -> pathlib.Path:
  """Write what a trainer of `steps` steps leaves; return the folder."""
  (path / 'images' / 'samples').mkdir(parents=True)
  experiment = experiments.load(name, tiny=True)
  (path / 'config.txt').write_text(serialization.to_text(experiment) + '\n')
  rows = [{'step': i, 'loss/total': 1 / i} for i in range(1, steps + 1)]
  (path / 'metrics.jsonl').write_text(
    ''.join(json.dumps(row) + '\n' for row in rows)
  )
  start = {
    'time': '2026-01-01T00:00:00+00:00',
    'command': f'art_jax train {name} --tiny',
    'versions': {'art_jax': '0.1.0'},
    'device': 'cpu',
    'devices': 1,
    'steps': {'duration': duration},
  }
  (path / 'run.json').write_text(json.dumps([start]))
  (path / 'data.json').write_text(json.dumps({'summary': '40 pictures'}))
  if saved:
    (path / 'checkpoints' / str(saved)).mkdir(parents=True)
  picture(path, 4)
  return path


def picture(run: pathlib.Path, step: int, side: int = 32) -> pathlib.Path:
  """Write a grid of samples of a step."""
  path = run / 'images' / 'samples' / f'{step:08d}.png'
  shade = np.full((side, side, 3), step * 7 % 256, np.uint8)
  Image.fromarray(shade).save(path)
  return path


def save_state(run: pathlib.Path, name: str, step: int = 8) -> None:
  """Save the first state of an experiment's tiny form as a checkpoint."""
  experiment = experiments.load(name, tiny=True)
  zeros = jax.tree.map(
    lambda x: np.zeros(x.shape, x.dtype), shapes.batch_shapes(experiment)
  )
  state = jax.jit(experiment.algorithm.init)(jax.random.key(0), zeros)
  with Checkpoints(run / 'checkpoints') as checkpoints:
    checkpoints.save(step, state, {})


def alarm(run: pathlib.Path, step: int, name: str, begins: bool) -> None:
  """Append an event to alarms.jsonl."""
  row = {'step': step, 'alarm': name, 'begins': begins, 'since': step}
  with open(run / 'alarms.jsonl', 'a') as file:
    file.write(json.dumps({**row, 'text': f'{name}: it is so'}) + '\n')

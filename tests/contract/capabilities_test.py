"""Capabilities of a model: declared in core, and read nowhere else by name."""

import ast
import pathlib

import pytest

from art_jax import core
from art_jax.algorithms import (
  acgan,
  cut,
  cyclegan,
  diffusion,
  gan,
  gatys,
  johnson,
  neural_neighbor,
)
from art_jax.config import experiments

_ROOT = pathlib.Path(__file__).resolve().parents[2]
# What holds an algorithm: a variable, or the last part of an attribute.
_NAMES = {'algorithm', 'model', 'gan', 'acgan', 'diffusion', 'judge'}


class _Plain:
  """A model that states no capability."""


def _is_algorithm(node: ast.expr) -> bool:
  if isinstance(node, ast.Name):
    return node.id in _NAMES
  return isinstance(node, ast.Attribute) and node.attr == 'algorithm'


def _guesses(source: str, *, fields: bool) -> list[int]:
  """Return the lines that look a member of an algorithm up by its name.

  Args:
    source: of a module.
    fields: `getattr(algorithm, name)` with a variable name is fine: that is
      how an algorithm checks a list of its own fields.
  """
  lines = []
  for node in ast.walk(ast.parse(source)):
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
      continue
    if node.func.id not in ('getattr', 'hasattr') or not node.args:
      continue
    own = fields and node.func.id == 'getattr' and len(node.args) == 2
    if _is_algorithm(node.args[0]) and not own:
      lines.append(node.lineno)
  return lines


@pytest.mark.slow
def test_no_member_of_an_algorithm_is_looked_up_by_name():
  for folder in ('art_jax', 'tools', 'experiments'):
    for path in sorted((_ROOT / folder).rglob('*.py')):
      where = path.relative_to(_ROOT).as_posix()
      if not where.startswith('art_jax/core/'):
        own = where.startswith('art_jax/algorithms/')
        assert not _guesses(path.read_text(), fields=own), where


@pytest.mark.parametrize(
  'line, fields, wrong',
  [
    ("getattr(algorithm, 'multiple', 1)", True, True),
    ("hasattr(run.algorithm, 'inpaint')", True, True),
    ("getattr(self.algorithm, 'in_use')", False, True),
    ('getattr(gan, name)', True, False),
    ('getattr(gan, name)', False, True),
    ("getattr(self.generator, 'multiple', 1)", False, False),
  ],
)
def test_a_look_up_is_noticed(line, fields, wrong):
  assert bool(_guesses(line, fields=fields)) == wrong


def test_a_model_without_capabilities_has_the_defaults():
  model = _Plain()
  assert core.num_classes(model) == 0
  assert core.num_classes_field(model) == 'algorithm.num_classes'
  assert core.attributes(model) == core.inference_fields(model) == ()
  assert core.directions(model) == core.pretrained(model, None) == ()
  assert core.columns(model) == {}
  assert core.labels(model, {}) is core.adversarial_loss(model) is None
  assert core.size_multiple(model) == core.sampling_passes(model) == 1
  assert core.batches_per_step(model) == 1


_CAPABILITIES = {
  acgan.ACGAN: {
    *('Generative', 'Scorer', 'Adversarial', 'Classifier', 'Conditional'),
    *('ClassCountField', 'MultiBatch'),
  },
  cyclegan.CycleGAN: {'Translator', 'SizeMultiple'},
  cut.CUT: {'Translator', 'SizeMultiple'},
  diffusion.Diffusion: {
    *('Generative', 'Translator', 'SizeMultiple', 'Inpainter', 'Conditional'),
    *('InferenceFields', 'MultiPass'),
  },
  gan.GAN: {
    *('Generative', 'Scorer', 'Adversarial', 'Conditional', 'Attributed'),
    'MultiBatch',
  },
  gatys.Gatys: {'PaintsOnePicture', 'Pretrained'},
  neural_neighbor.NNST: {'PaintsOnePicture', 'Pretrained'},
  johnson.FastStyle: {'Translator', 'SizeMultiple', 'Pretrained'},
}


@pytest.mark.parametrize('kind', _CAPABILITIES)
def test_capabilities_of_a_model(kind):
  protocols = {
    name: value
    for name, value in vars(core).items()
    if getattr(value, '_is_runtime_protocol', False)
  }
  assert _CAPABILITIES[kind] <= set(protocols)
  has = {n for n, protocol in protocols.items() if isinstance(kind(), protocol)}
  assert has == _CAPABILITIES[kind]


def test_the_adain_network_takes_paintings_when_it_is_used():
  algorithm = experiments.load('adain', tiny=True).algorithm
  assert isinstance(algorithm, core.Stylable)
  assert isinstance(algorithm, core.Pretrained)
  assert core.inference_fields(algorithm) == ('alpha', 'blend', 'style_size')
  assert core.size_multiple(algorithm) == 8

"""The flag of XLA is added where it is known to help, and nowhere else."""

import os

import pytest

from art_jax.devices import xla_flags

_OWN = '--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_DOT'


@pytest.fixture(autouse=True)
def known(monkeypatch):
  """A version that it was tried with, and no accelerator."""
  monkeypatch.setattr(xla_flags, '_jaxlib', lambda: (0, 10, 2))
  monkeypatch.setattr(xla_flags, '_has_plugin', lambda: False)


def _after(**environ):
  xla_flags.set_flag(environ)
  return environ.get('XLA_FLAGS')


def test_this_process_has_it_once():
  assert os.environ['XLA_FLAGS'].count(xla_flags.FLAG) == 1


def test_added_to_what_is_there_once():
  assert _after() == xla_flags.FLAG
  assert _after(XLA_FLAGS='--xla_a=1') == f'--xla_a=1 {xla_flags.FLAG}'
  assert _after(XLA_FLAGS=f'--xla_a=1 {xla_flags.FLAG}').count('ynn') == 1


@pytest.mark.parametrize('given', [_OWN, 'file_of_flags.txt'])
def test_the_users_own_stay(given):
  assert _after(XLA_FLAGS=given) == given


@pytest.mark.parametrize(
  'version, added',
  [
    ((0, 10, 1), False),
    ((0, 12, 0, 1), True),
    ((0, 13, 0), False),
    ((), False),
  ],
)
def test_only_versions_that_know_it(version, added, monkeypatch):
  monkeypatch.setattr(xla_flags, '_jaxlib', lambda: version)
  assert (_after() == xla_flags.FLAG) == added


def test_not_beside_the_plugin_of_an_accelerator(monkeypatch):
  monkeypatch.setattr(xla_flags, '_has_plugin', lambda: True)
  assert _after() is None
  assert _after(JAX_PLATFORMS='cpu') == xla_flags.FLAG

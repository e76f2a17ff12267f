"""The page of steps that were compiled for TPUs and GPUs."""

from tools.benchmarks import targets, targets_page

_FIGURES = {
  **{'batch_size': 4, 'fits': True, 'flops': 2e12, 'bfloat16': 0.0},
  **{'bytes/peak': 3 << 20, 'bytes/accessed': 5e9, 'turned': 7.0},
  **{'operations': 1234.0, 'operations/copies': 11.0},
  **{'collective_bytes/all-reduce': 1e6, 'collective_bytes/all-gather': 2e6},
  **{'bound': 0.013, 'bound/by': 'memory'},
}
_REFUSED = {
  **{'batch_size': 64, 'fits': False, 'bytes/peak': 20 << 30},
  'error': 'needs much; --set train.batch_size=16 would fit',
}


def test_the_page_shows_what_is_known_and_how_to_get_the_rest():
  commands = {
    (name, 'tpu:v5e:2x2'): f'art_jax describe {name} --target=tpu:v5e:2x2'
    for name in ('vae', 'cut', 'adain')
  }
  text = targets_page.page(
    commands,
    {'vae tpu:v5e:2x2': _FIGURES, 'cut tpu:v5e:2x2': _REFUSED},
    {'commit': '1234567', 'results': {}},
  )
  lines = text.splitlines()
  vae = '| `vae` | 4 | 3 | 2,000 | 5 | 1,234 | 7 | 11 | 3 | 13 | memory |'
  assert vae in lines
  assert any(x.startswith('| `cut` | 64 | 20,480: does not') for x in lines)
  assert '- `cut`: needs much; --set train.batch_size=16 would fit' in lines
  assert any(x.startswith('| `adain` | not compiled |') for x in lines)
  assert '    art_jax describe adain --target=tpu:v5e:2x2' in lines
  assert '    art_jax describe vae --target=tpu:v5e:2x2' not in lines


def test_the_page_compares_with_an_earlier_commit():
  new = _FIGURES | {'bytes/temporaries': 2 << 20, 'operations/transposes': 0.0}
  old = new | {'operations': 2468.0, 'operations/transposes': 5.0}
  cells = {'vae gpu:h100': old, 'not compiled since gpu:h100': old}
  before = {'commit': '1234567', 'results': cells}
  lines = targets_page.page({}, {'vae gpu:h100': new}, before).splitlines()
  row = '| `vae` | 2,468 -> 1,234 (-50 %) | 16 -> 11 | 5 -> 5 | 2 -> 2 |'
  assert row in lines
  assert not any('not compiled since' in line for line in lines)
  assert 'The steps at commit 1234567, which' in '\n'.join(lines)


def test_batches_divide_over_the_devices_of_their_cell():
  assert len(set(targets.cells())) == len(targets.cells())
  assert targets.arguments('cyclegan', 'gpu:h100') == [
    *('art_jax', 'describe', 'cyclegan', '--target=gpu:h100')
  ]
  for cell in targets.cells():
    batch = [a for a in targets.arguments(*cell) if 'batch_size' in a]
    assert not batch or int(batch[0].partition('size=')[2]) % 4 == 0

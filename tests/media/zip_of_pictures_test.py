"""A .zip of pictures: what it holds, and what its names may be."""

import os
import zipfile

from art_jax.media import packed


def test_a_name_that_is_no_utf8_is_packed(tmp_path):
  output = tmp_path / 'x.zip'
  name = os.fsdecode(b'caf\xe9.png')  # Latin-1
  packed.parts(output).mkdir()
  (packed.parts(output) / name).write_bytes(b'picture')
  packed.pack(output, {name: 'note'})
  with zipfile.ZipFile(output) as file:
    assert file.namelist() == ['caf%E9.png']
    assert file.read('caf%E9.png') == b'picture'
  assert packed.is_done(output, {name: 'note'})
  assert not packed.is_done(output, {name: 'other'})

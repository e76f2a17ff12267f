"""The studio in a notebook."""

import urllib.error
import urllib.request

import pytest
import run_files

import art_jax
from art_jax import core

pytest.importorskip('starlette')
pytest.importorskip('uvicorn')

pytestmark = pytest.mark.extra


def test_a_frame_on_the_next_free_port_with_the_token(tmp_path, capsys):
  run_files.write(tmp_path / 'run')
  one = art_jax.open_studio(tmp_path, port=18765)
  two = art_jax.open_studio(tmp_path, port=18765)
  try:
    assert one.address != two.address
    assert 'is taken' in capsys.readouterr().out
    assert 'iframe' in one._repr_html_() and one.address in one._repr_html_()
    base, _, token = one.address.partition('/#token=')
    with urllib.request.urlopen(f'{base}/') as answer:
      policy = answer.headers['content-security-policy']
      assert 'frame-ancestors http://localhost:*' in policy
      assert 'x-frame-options' not in answer.headers
    request = urllib.request.Request(f'{base}/api/runs')
    with pytest.raises(urllib.error.HTTPError):
      urllib.request.urlopen(request)
    request.add_header('Authorization', f'Bearer {token}')
    assert b'"run"' in urllib.request.urlopen(request).read()
  finally:
    one.close()
    two.close()
  with pytest.raises(core.UserError, match='is no folder'):
    art_jax.open_studio(tmp_path / 'nothing')

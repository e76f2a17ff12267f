"""docs/onnx_in_browser.html in a real browser: it paints as art_jax does.

onnxruntime-web is installed by npm, Playwright and Chromium are the machine's.
"""

import contextlib
import functools
import http.server
import os
import pathlib
import shutil
import subprocess
import threading

import numpy as np
import pytest
from inference.onnx_export_test import _run
from PIL import Image

from art_jax.inference import onnx_export

pytestmark = [pytest.mark.extra, pytest.mark.slow, pytest.mark.process]

_VERSION = '1.30.0'
_PAGE = pathlib.Path(__file__).parents[2] / 'docs' / 'onnx_in_browser.html'
_FLAGS = (
  *('--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'),
  *('--disable-background-networking', '--disable-component-update'),
  '--disable-sync',
)
_SECONDS = 240  # for what takes seconds, on a busy machine


@contextlib.contextmanager
def _served(folder):
  class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
      pass

  handler = functools.partial(Handler, directory=str(folder))
  with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/'
    server.shutdown()


def _installed(folder) -> pathlib.Path:
  """Install onnxruntime-web; return the folder of its programs."""
  if shutil.which('npm') is None:
    pytest.skip('npm is absent')
  done = subprocess.run(
    [
      *('npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts'),
      *(f'--prefix={folder}', f'onnxruntime-web@{_VERSION}'),
    ],
    capture_output=True,
    text=True,
    timeout=_SECONDS,
  )
  if done.returncode:
    pytest.skip(f'npm installs nothing: {done.stderr[-200:]}')
  return folder / 'node_modules' / 'onnxruntime-web' / 'dist'


def test_a_page_paints_without_network(tmp_path):
  sync_api = pytest.importorskip('playwright.sync_api')
  pytest.importorskip('onnx')
  browser = shutil.which('chromium') or shutil.which('chromium-browser')
  if browser is None:
    pytest.skip('chromium is absent')
  site = tmp_path / 'site'
  site.mkdir()
  os.symlink(_installed(tmp_path), site / 'ort')
  shutil.copy(_PAGE, site / 'index.html')
  run = _run('fast_style', 'algorithm.transformer.head=tanh')
  (model,) = onnx_export.write(
    run, tmp_path, run.algorithm.directions[0], as_bytes=True
  )
  model.rename(site / 'model.onnx')
  rng = np.random.default_rng(0)
  small = rng.integers(0, 256, (6, 8, 3), np.uint8)
  picture = Image.fromarray(small).resize((64, 48), Image.Resampling.BICUBIC)
  picture.save(tmp_path / 'picture.png')
  foreign = []

  def route(way):
    if way.request.url.startswith(address):
      return way.continue_()
    foreign.append(way.request.url)
    return way.abort()

  with _served(site) as address, sync_api.sync_playwright() as playwright:
    context = playwright.chromium.launch_persistent_context(
      tmp_path / 'profile', executable_path=browser, args=_FLAGS
    )
    page = context.new_page()
    page.set_default_timeout(1000 * _SECONDS)
    page.route('**/*', route)
    page.goto(address)
    page.wait_for_function('!document.getElementById("file").disabled')
    page.set_input_files('#file', tmp_path / 'picture.png')
    page.wait_for_function(
      '/painted|failed/.test(document.getElementById("state").textContent)'
    )
    assert page.text_content('#state') == 'painted'
    data = page.evaluate("""() => {
      const canvas = document.getElementById('picture');
      const {width, height} = canvas;
      const image = canvas.getContext('2d').getImageData(0, 0, width, height);
      return Array.from(image.data);
    }""")
    context.close()
  assert not foreign
  painted = np.array(data).reshape(48, 64, 4)[..., :3]
  expected = run.translate(np.asarray(picture)).astype(int)
  assert np.ptp(expected) > 100
  assert np.abs(painted - expected).max() <= 2

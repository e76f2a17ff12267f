"""Preparing sets of TensorFlow Datasets: names, terms, network, archives."""

import difflib
import importlib.util
import os
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from absl import logging

from art_jax import core
from art_jax.data import streaming, tree

_CONNECT_SECONDS = 5.0


def prepared(name: str, data_dir: str | None, manual_dir: str | None) -> Any:
  """Return the builder of a prepared set, downloading it when it is missing.

  Args:
    name: e.g. 'cycle_gan/horse2zebra'.
    data_dir: where prepared sets lie; None: the default of tfds.
    manual_dir: folder with the upstream archives, to prepare without network.

  Raises:
    UserError: the name is unknown, or the set cannot be prepared.
  """
  builder = _builder(name, data_dir)
  if builder.is_prepared():
    return builder
  return _prepare(name, data_dir, manual_dir, builder)


def _builder(name: str, data_dir: str | None, **kwargs) -> Any:
  """Return the tfds builder; names near to an unknown one."""
  core.require(
    importlib.util.find_spec('tensorflow_datasets'),
    f'--data=tfds:{name} needs TensorFlow Datasets, which is not '
    'installed; run: pip install tensorflow-datasets tensorflow-cpu, or pass '
    '--data=PATH of a folder, or --data=builtin',
  )
  streaming.quieten_tensorflow()
  import tensorflow_datasets as tfds

  if data_dir is not None:
    kwargs['data_dir'] = os.path.expanduser(data_dir)
  try:
    return tfds.builder(name, **kwargs)
  # Depending on what is wrong with a name, tfds raises four kinds of errors.
  except Exception as error:
    reason = str(error).strip().splitlines()[0]
    raise core.UserError(
      f'tfds has no set {name!r} ({reason[:200]}); nearest: '
      f'{", ".join(_near_names(name))}; pass one by --data=tfds:NAME'
    ) from error


def _near_names(name: str) -> list[str]:
  import tensorflow_datasets as tfds

  known = tfds.list_builders(with_community_datasets=False)
  stem = name.split('/')[0].split(':')[0]
  if stem in known:
    configs = tfds.builder_cls(stem).builder_configs
    known = [f'{stem}/{config}' for config in configs] or [stem]
  near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
  return near or ['mnist', 'oxford_flowers102', 'cycle_gan/monet2photo']


def _prepare(
  name: str, data_dir: str | None, manual_dir: str | None, builder: Any
) -> Any:
  """Download and prepare a set, or say at once why it cannot be."""
  import tensorflow_datasets as tfds

  streaming.require_tensorflow(
    f'preparing tfds {name!r}', '--data=PATH or --data=builtin'
  )
  streaming.import_tensorflow()
  manual = manual_dir and tree.resolve(manual_dir)
  _announce(builder)
  missing = _missing(builder, manual)
  reason = _unreachable(next(iter(missing))) if missing else None
  if reason:
    raise core.UserError(_offline_text(name, missing, reason))
  if importlib.util.find_spec('array_record'):
    builder = _builder(name, data_dir, file_format='array_record')
  config = tfds.download.DownloadConfig(manual_dir=manual)
  try:
    builder.download_and_prepare(download_config=config)
  # From the network, the archive, the disk or the builder's own code.
  except Exception as error:
    reason = f'{type(error).__name__}: {str(error).strip()[:300]}'
    raise core.UserError(
      _offline_text(name, missing or _urls(builder), reason)
    ) from error
  return builder


def _urls(builder: Any) -> dict[str, Any]:
  """Return what is known of the downloads, by URL; of this config alone."""
  urls = dict(builder.url_infos or {})
  config = builder.builder_config.name if builder.builder_config else None
  own = {url: info for url, info in urls.items() if config and config in url}
  return own or urls


def _missing(builder: Any, manual: str | None) -> dict[str, Any]:
  return {
    url: info
    for url, info in _urls(builder).items()
    if not (manual and os.path.exists(os.path.join(manual, info.filename)))
  }


def _announce(builder: Any) -> None:
  """Log what is about to be downloaded, how much, and on what terms."""
  info, urls = builder.info, _urls(builder)
  size = sum(int(entry.size or 0) for entry in urls.values())
  hosts = sorted({urllib.parse.urlsplit(url).netloc for url in urls})
  lines = [line.strip(' ,') for line in (info.citation or '').splitlines()]
  title = next((t for t in lines if t.lower().startswith('title')), '')
  terms = info.redistribution_info.license or f'see {info.homepage}'
  logging.info(
    'data: preparing tfds %s: %.1f MiB from %s; license: %s; cite: %s',
    info.full_name,
    size / 2**20,
    ', '.join(hosts) or 'local files',
    terms,
    title or info.homepage,
  )


def _unreachable(url: str) -> str | None:
  """Return why a host cannot be reached; None if it answers in time.

  tfds itself would try again and again for more than three minutes.
  """
  result: list[str | None] = ['no answer']

  def ask():
    request = urllib.request.Request(url, method='HEAD')
    try:
      with urllib.request.urlopen(request, timeout=_CONNECT_SECONDS):
        result[0] = None
    except urllib.error.HTTPError as error:
      # The host is there; it may only dislike HEAD.
      result[0] = None if error.code < 500 else str(error)
    except (OSError, ValueError) as error:
      result[0] = str(getattr(error, 'reason', error))

  # A thread, since looking up a host's name knows no time-out.
  thread = threading.Thread(target=ask, daemon=True)
  thread.start()
  thread.join(_CONNECT_SECONDS)
  return result[0]


def _offline_text(name: str, urls: dict[str, Any], reason: str) -> str:
  url = next(iter(urls), None)
  files = ', '.join(info.filename for info in urls.values())
  return (
    f'tfds {name!r} cannot be prepared'
    + (f' from {url}' if url else '')
    + f' ({reason}). Without network, either put {files or "its archives"} '
    f"into a folder DIR and pass --set \"data.source=Tfds('{name}', "
    "manual_dir='DIR')\"; or copy a prepared tfds folder and pass its path as "
    'data_dir=; or pass your own pictures by --data=PATH; or the built-in ones '
    'by --data=builtin'
  )

"""Parquet files as the `datasets` library and the Hugging Face Hub write them.

A picture is a struct {bytes, path} or plain bytes; the names of a ClassLabel
lie in the metadata of the schema (key 'huggingface').
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from absl import logging

from art_jax import core
from art_jax.core import extras
from art_jax.core.paths import printable
from art_jax.data import passing, records
from art_jax.data.records import Damage, Record

_PLAIN = ('int', 'uint', 'string', 'large_string')
_ROWS = 64  # that are in memory at once


def read(path: str) -> Iterator[Record | Damage]:
  """Yield the records of one file.

  Raises:
    core.UserError: pyarrow is not installed, or no column has pictures.
  """
  parquet = extras.load('pyarrow.parquet', 'parquet', 'reading .parquet')
  try:
    file = parquet.ParquetFile(path, page_checksum_verification=True)
  except Exception as error:  # the footer is at the end: all is lost
    passing.refuse(path, error)
    yield Damage(f'it is damaged or cut off ({_reason(error)})', None)
    return
  with file:
    schema = file.schema_arrow
    kinds = {field.name: field.type for field in schema}
    columns = _picture_columns(path, file, kinds)
    others = [name for name in kinds if _is_plain(kinds[name])]
    others += [name for name in records.LABELS if _is_whole(name, kinds, file)]
    _warn_of_labels(path, kinds, {*columns, *others})
    classes = _class_names(schema.metadata or {})
    for group in range(file.metadata.num_row_groups):
      done = 0
      try:
        for batch in file.iter_batches(
          _ROWS, row_groups=[group], columns=[*columns, *others]
        ):
          for row in batch.to_pylist():
            yield _record(row, columns, classes)
            done += 1
      except Exception as error:
        passing.refuse(path, error)
        lost = file.metadata.row_group(group).num_rows - done
        yield Damage(f'row group {group} is damaged ({_reason(error)})', lost)


def _record(
  row: dict[str, Any],
  columns: tuple[str, ...],
  classes: dict[str, list[str]],
) -> Record | Damage:
  pictures, path = {}, None
  for column in columns:
    value = row[column]
    if isinstance(value, dict):
      path = path or value.get('path')
      value = value.get('bytes')
    if not value:
      where = f', only the path {printable(path)!r}: write both' if path else ''
      return Damage(f'a row has no bytes in {column!r}{where}')
    pictures[column] = value
  for column, names in classes.items():
    number = row.get(column)
    if isinstance(number, int):
      row[column] = names[number] if 0 <= number < len(names) else None
  named = next((row[c] for c in classes if isinstance(row.get(c), str)), None)
  for column in records.LABELS:  # see `_is_whole`
    if isinstance(value := row.get(column), float):
      row[column] = int(value) if value.is_integer() else None
  label = records.label_of(row)
  return Record(
    pictures,
    named if label is None else label,
    path or records.name_of(row),
  )


def _picture_columns(
  path: str, file: Any, kinds: dict[str, Any]
) -> tuple[str, ...]:
  structs = [name for name, kind in kinds.items() if _is_struct(kind)]
  columns = records.picture_columns(structs)
  if not columns:
    names = [name for name, kind in kinds.items() if _is_bytes(kind)]
    first = _first_row(file, names)
    columns = records.picture_columns(
      name for name in names if records.is_picture(first.get(name) or b'')
    )
  known = ', '.join(f'{printable(name)} ({k})' for name, k in kinds.items())
  core.require(
    columns,
    f'{printable(path)!r} has no pictures: its columns are {known[:400]}; one '
    'must hold files such as PNG or JPEG, as bytes or struct {bytes, path}',
  )
  return columns


def _first_row(file: Any, columns: list[str]) -> dict[str, Any]:
  if not columns:
    return {}
  try:
    batch = next(file.iter_batches(1, columns=columns), None)
  except Exception:  # a damaged page: the reading names it
    return {}
  return batch.to_pylist()[0] if batch is not None and batch.num_rows else {}


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
  """Return the names of each ClassLabel."""
  try:
    features = json.loads(metadata[b'huggingface'])['info']['features']
    return {
      column: [str(name) for name in feature['names']]
      for column, feature in features.items()
      if isinstance(feature, dict) and feature.get('_type') == 'ClassLabel'
    }
  except (KeyError, TypeError, ValueError, AttributeError):
    return {}


def _is_struct(kind: Any) -> bool:
  if not str(kind).startswith('struct'):  # lists have fields too
    return False
  inner = {kind[i].name: kind[i].type for i in range(kind.num_fields)}
  return _is_bytes(inner.get('bytes'))


def _is_bytes(kind: Any) -> bool:
  return str(kind) in ('binary', 'large_binary', 'binary_view')


def _is_plain(kind: Any) -> bool:
  name = str(kind).removeprefix('dictionary<values=')  # decoded when read
  return name.startswith(_PLAIN)


def _is_whole(name: str, kinds: dict[str, Any], file: Any) -> bool:
  """Tell whether a floating-point column has whole numbers and gaps only."""
  if str(kinds.get(name)) not in ('halffloat', 'float', 'double'):
    return False
  for group in range(file.metadata.num_row_groups):
    with contextlib.suppress(Exception):  # damaged: the reading names it
      (column,) = file.read_row_group(group, [name]).columns
      values = [x for x in column.to_pylist() if x is not None and x == x]
      if not all(value.is_integer() for value in values):
        return False
  return True


def _warn_of_labels(path: str, kinds: dict[str, Any], read: set[str]) -> None:
  for name in records.LABELS:
    if name in kinds and name not in read:
      logging.warning(
        'data: %s: column %r is %s and not read as a class: store texts or '
        'whole numbers',
        *(printable(path), name, kinds[name]),
      )


def _reason(error: Exception) -> str:
  return printable(str(error)).partition('\n')[0][:120]

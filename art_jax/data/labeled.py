"""A source of pictures with a table of their attributes."""

import dataclasses
import os

from art_jax import core
from art_jax.data import archives, columns, decode, fingerprint, tree, verify
from art_jax.data.dataset import Dataset, assemble, space
from art_jax.data.examples import Examples, Files, cutter

FILE = 'labels.csv'


@dataclasses.dataclass(frozen=True)
class Labeled:
  """A folder of pictures and a table of what is known of them.

  The table has a line for a picture and a column `file`, its path below the
  folder; the other columns are attributes, such as artist, style and year. An
  empty cell, or no line at all, means not known. The batch has key 'image' and
  one of the name of each column: i32, the number of a name (-1: not known), or
  f32, a number (NaN: not known).

  Attributes:
    root: the folder; sub-folders are searched too.
    file: the table, relative to the folder.
    columns: the columns to read; empty reads all.
    categories: columns of names, though they look like numbers.
  """

  root: str
  file: str = FILE
  columns: tuple[str, ...] = ()
  categories: tuple[str, ...] = ()

  def open(self, data: core.Data) -> Dataset:
    """Verify the pictures and the table; raises UserError."""
    root, path = find(self.root, self.file)
    verified = verify.verify_resolved(root, data)
    unreadable = [
      os.path.relpath(path, verified.root) for path, _ in verified.skipped
    ]
    table, cells = columns.read(
      path,
      {*verified.names, *unreadable},
      self.columns,
      self.categories,
    )
    cut = cutter(data)

    def texts(index):
      """Return what the table says of a picture, column by column."""
      row = cells.get(verified.names[index], {})
      return [row.get(column.name, '') for column in table]

    def numbers(index):
      return {
        column.name: column.example(text)
        for column, text in zip(table, texts(index), strict=True)
      }

    def read(index):
      image = decode.decode(verified.path(index), **cut)
      return {'image': image} | numbers(index)

    keys = ('image', *(column.name for column in table))
    marks = [
      fingerprint.mark(mark, *texts(index))
      for index, mark in enumerate(verified.marks)
    ]
    examples = Examples(
      keys,
      verified.names,
      read,
      marks,
      lambda i: {'image': decode.picture(verified.path(i)).convert('RGB')},
      Files(numbers, verified.unchanged),
    )
    lines = sum(name in cells for name in verified.names)
    return assemble(
      [space(examples, data.heldout)],
      self.root,
      f', {lines} with a line in {self.file}',
      [verified],
      unused=data.classes,
      columns=table,
    )


def find(root: str, file: str = FILE) -> tuple[str, str]:
  """Return the folder of the pictures and the path of their table.

  In an archive that is the inner folder that has the table. The table may be
  missing.
  """
  path = os.path.abspath(os.path.expanduser(root))
  if archives.is_archive(path):
    return archives.with_table(path, file)
  folder = tree.resolve(root)
  return folder, os.path.join(folder, file)

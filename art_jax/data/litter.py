"""Names that systems leave among pictures: in no layout they are data."""

# Folders, in lower case: of unpacked archives, network drives, recycle bins
# and file systems. Some hold thumbnails or deleted files named as pictures.
_FOLDERS = frozenset(
  {
    '__macosx',
    '__pycache__',
    '@eadir',
    '@recycle',
    '@recently-snapshot',
    '#recycle',
    '#snapshot',
    '$recycle.bin',
    'recycler',
    'lost+found',
    'system volume information',
    'found.000',
    'network trash folder',
    'temporary items',
  }
)
# Beside the hidden ones (.DS_Store, .ipynb_checkpoints, ._picture.jpg, ...).
_FILES = frozenset({'thumbs.db', 'ehthumbs.db', 'desktop.ini', 'icon\r'})


def is_litter(name: str) -> bool:
  """Tell whether a file or folder of this name is no data.

  Args:
    name: the last part of a path.

  Returns:
    True if it is hidden (begins with a dot), or a system writes it.
  """
  lower = name.lower()
  return name.startswith('.') or lower in _FOLDERS or lower in _FILES

"""Weights against PyTorch itself, where it is installed."""

import numpy as np
import pytest

from art_jax.weights import files

torch = pytest.importorskip('torch')


def test_torch_itself_writes_what_we_read(tmp_path):
  network = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)
  )
  network.to(memory_format=torch.channels_last)
  for new in (True, False):
    path = tmp_path / f'{new}.pt'
    torch.save(
      {'net': network.state_dict()}, path, _use_new_zipfile_serialization=new
    )
    tensors = files.read(path)
    assert set(tensors) == {f'net.{n}' for n in network.state_dict()}
    for name, value in network.state_dict().items():
      np.testing.assert_array_equal(tensors[f'net.{name}'], value)
  torch.save(network, path)
  with pytest.raises(files.WeightsError, match='container.Sequential'):
    files.read(path)

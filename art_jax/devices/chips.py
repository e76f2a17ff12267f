"""What is known of the chips that a step can be compiled for.

A chip is in the table once a step of ours was compiled for it without having
one. Figures are a chip's as its maker publishes them, dense (without sparsity),
and of one direction where a link has two.
"""

import dataclasses

_TPU = 'https://docs.cloud.google.com/tpu/docs'
_H100 = 'https://resources.nvidia.com/en-us-tensor-core/nvidia-tensor-core-gpu-datasheet'
_LAUNCH = (
  'one kernel after another in a stream, the short end of 3 to 5 us '
  '(https://developer.nvidia.com/blog/cuda-graphs measures 3.4 to 3.8 us)'
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chip:
  """One kind of chip.

  Attributes:
    platform: 'tpu' or 'gpu'.
    memory: bytes of its high-bandwidth memory.
    usable: share of it that a process gets by default.
    bandwidth: of that memory, bytes a second.
    peak: FLOP/s by the type of the inputs of products: 'bfloat16', and
      'float32' at jax's default precision (bfloat16 passes on TPUs, TF32 on
      GPUs).
    link: bytes a second that it can send to its neighbors.
    launch: seconds that a launch of a kernel takes at least; 0 where a program
      is one launch.
    shapes: of slices, as `--target` takes them; the counts of GPUs in a host.
    sources: of each figure by its name.
    description: GpuTargetConfigProto in text form; '' for a TPU, whose library
      knows it.
  """

  platform: str
  memory: int
  usable: float
  bandwidth: float
  peak: dict[str, float]
  link: float
  launch: float
  shapes: tuple[str, ...]
  sources: dict[str, str]
  description: str = ''


_SQUARES = ('1x1', '2x2', '2x4', '4x4', '4x8', '8x8', '8x16', '16x16')
_CUBES = ('2x2x1', '2x2x2', '2x2x4', '2x4x4', '4x4x4', '4x4x8', '4x8x8')


def _tpu(
  page: str, gib: float, tflops: float, gbps: float, link: float, shapes: tuple
) -> Chip:
  """Return a TPU: GiB, bfloat16 TFLOP/s, memory and links in GB/s, slices."""
  return Chip(
    platform='tpu',
    memory=int(gib * 2**30),
    usable=1.0,
    bandwidth=gbps * 1e9,
    peak={'bfloat16': tflops * 1e12, 'float32': tflops * 1e12},
    link=link * 1e9,
    launch=0.0,
    shapes=shapes,
    sources={
      'memory': 'available, says libtpu 0.0.42 where it refuses a program',
      **dict.fromkeys(('bandwidth', 'peak', 'link'), f'{_TPU}/{page}'),
    },
  )


_GPU_DESCRIPTION = """
gpu_device_info {
  threads_per_block_limit: 1024
  threads_per_warp: 32
  shared_memory_per_block: 49152
  shared_memory_per_core: 233472
  threads_per_core_limit: 2048
  core_count: 132
  fpus_per_core: 128
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  memory_bandwidth: 3352320000000
  l2_cache_size: 52428800
  clock_rate_ghz: 1.98
  device_memory_size: 84929347584
  shared_memory_per_block_optin: 232448
  cuda_compute_capability { major: 9 }
  registers_per_core_limit: 65536
  registers_per_block_limit: 65536
}
platform_name: "CUDA"
dnn_version_info { major: 9 minor: 10 }
runtime_version { major: 13 minor: 0 patch: 0 }
device_description_str: "NVIDIA H100 80GB HBM3"
"""

CHIPS = {
  'tpu:v5e': _tpu('v5e', 15.75, 197, 819, 200, _SQUARES),
  'tpu:v6e': _tpu('v6e', 31.25, 918, 1638, 400, _SQUARES),
  'tpu:v5p': _tpu('v5p', 95.74, 459, 2765, 600, _CUBES),
  'gpu:h100': Chip(
    platform='gpu',
    memory=84929347584,
    usable=0.75,
    bandwidth=3.352e12,
    peak={'bfloat16': 989.4e12, 'float32': 494.7e12},
    link=450e9,
    launch=3e-6,
    shapes=('1', '2', '4', '8'),
    sources={
      'memory': 'device_memory_size of the card',
      'usable': 'XLA_PYTHON_CLIENT_MEM_FRACTION, 0.75 unless set',
      'bandwidth': _H100,
      'peak': _H100,
      'link': _H100,
      'launch': _LAUNCH,
    },
    description=_GPU_DESCRIPTION,
  ),
}

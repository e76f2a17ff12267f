"""Where a PyTorch peer runs, and what the peers are made of."""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.nn import functional as F

LEAKY, RELU = nn.LeakyReLU(0.2, inplace=True), nn.ReLU(inplace=True)


@dataclasses.dataclass
class Task:
  """A model and its work.

  Attributes:
    networks: numbers of parameters by role, as `Algorithm.networks` names
      them.
    step: does the work of one step.
  """

  networks: dict[str, int]
  step: Callable[[], object]


class Place:
  """A device, and the variant of PyTorch that is timed.

  Attributes:
    device: 'cpu' or 'cuda'.
    variant: 'eager', 'channels_last', or 'compile' (channels_last too).
  """

  def __init__(
    self, device: str, variant: str, dtype: str, threads: int, clock: Callable
  ):
    """Set what is global in PyTorch: threads and precision."""
    self.device, self.variant, self._clock = device, variant, clock
    self._dtype = getattr(torch, dtype)
    self._format = (
      torch.contiguous_format if variant == 'eager' else torch.channels_last
    )
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision('high')  # TF32, as jax has it
    torch.backends.cudnn.allow_tf32 = torch.backends.cudnn.benchmark = True

  def network(self, module: nn.Module) -> nn.Module:
    """Move a network here, compiled in the variant compile."""
    module = module.to(self.device, memory_format=self._format)
    if self.variant == 'compile':
      module.compile()
    return module

  def compiled(self, function: Callable) -> Callable:
    """Compile a function that is more than a network, likewise."""
    return torch.compile(function) if self.variant == 'compile' else function

  def pictures(self, batch: int, size: int) -> Callable[[], torch.Tensor]:
    """Return a function that gives batches in [-1, 1], made beforehand."""
    made = 2 * torch.rand(4, batch, 3, size, size) - 1
    return itertools.cycle(
      [x.to(self.device, memory_format=self._format) for x in made]
    ).__next__

  def normal(self, *shape: int) -> torch.Tensor:
    """Draw from N(0, 1)."""
    return torch.randn(*shape, device=self.device)

  def labels(self, batch: int, classes: int) -> Callable[[], torch.Tensor]:
    """Return a function that gives i64[batch] in [0, classes)."""
    made = torch.randint(classes, (4, batch), device=self.device)
    return itertools.cycle(made.unbind()).__next__

  def precision(self) -> contextlib.AbstractContextManager:
    """Return the context of forward passes: autocast below float32."""
    if self._dtype == torch.float32:
      return contextlib.nullcontext()
    return torch.autocast(self.device, self._dtype)

  def adam(self, *modules: nn.Module, rate=2e-4, betas=(0.5, 0.999)):
    """Return Adam over the parameters of networks, in one kernel."""
    return torch.optim.Adam(
      [p for module in modules for p in module.parameters()],
      rate,
      betas,
      fused=True,
    )

  def descend(
    self,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[], torch.Tensor],
    *frozen: nn.Module,
  ) -> None:
    """Take one step down a loss; frozen networks get no gradient."""
    held = nn.ModuleList(frozen).requires_grad_(False)
    with self.precision():
      value = loss()
    held.requires_grad_(True)
    optimizer.zero_grad(set_to_none=True)
    value.backward()
    optimizer.step()

  def adversarial(
    self,
    g: nn.Module,
    d: nn.Module,
    draw: Callable[[], tuple],
    d_loss: Callable[..., torch.Tensor],
    g_loss: Callable[..., torch.Tensor],
  ) -> Callable[[], None]:
    """Return the step that updates D, then G on the same fakes.

    Args:
      g: the generator.
      d: the discriminator.
      draw: returns what G is given, and the rest of the losses' arguments.
      d_loss: of the fakes and the rest.
      g_loss: of the fakes and the rest.
    """
    adam_g, adam_d = self.adam(g), self.adam(d)

    def step():
      given, *rest = draw()
      with self.precision():
        fake = g(given)
      self.descend(adam_d, lambda: d_loss(fake.detach(), *rest))
      self.descend(adam_g, lambda: g_loss(fake, *rest), d)

    return step

  def timed(self, step: Callable[[], object]) -> float:
    """Return the seconds of a step, the device waited for."""
    start = self._clock()
    step()
    if self.device == 'cuda':
      torch.cuda.synchronize()
    return self._clock() - start


def count(**networks: nn.Module) -> dict[str, int]:
  """Return the number of parameters of each network."""
  return {
    name: sum(p.numel() for p in module.parameters())
    for name, module in networks.items()
  }


def start_normal(module: nn.Module) -> nn.Module:
  """Draw kernels from N(0, 0.02^2), scales of batch norms around 1."""
  for part in module.modules():
    scales = isinstance(part, nn.BatchNorm2d)
    if scales or isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
      nn.init.normal_(part.weight, float(scales), 0.02)
  return module


class Residual(nn.Sequential):
  """Layers around which the input is added."""

  def forward(self, x):
    """Return x + layers(x)."""
    return x + super().forward(x)


def normed(
  convs: Iterable[nn.Module], activation: nn.Module, norm=nn.BatchNorm2d
) -> list[nn.Module]:
  """Return the convolutions, each with a normalization and an activation."""
  return [
    layer
    for conv in convs
    for layer in (conv, norm(conv.out_channels), activation)
  ]


def bce(logits: torch.Tensor, target: float) -> torch.Tensor:
  """Return the binary cross entropy of logits with one target for all."""
  return F.binary_cross_entropy_with_logits(
    logits, torch.full_like(logits, target)
  )

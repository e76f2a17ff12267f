"""A signal is a request to stop, alone and with several processes."""

import signal

from art_jax.training import preemption


def test_ctrl_c_is_the_notice_that_several_processes_agree_on(monkeypatch):
  monkeypatch.setattr(preemption.jax, 'process_count', lambda: 2)
  heard = []
  before = signal.signal(signal.SIGTERM, lambda *_: heard.append(True))
  try:
    with preemption.StopRequest():
      signal.raise_signal(signal.SIGINT)
  finally:
    signal.signal(signal.SIGTERM, before)
  assert heard == [True]
  assert signal.getsignal(signal.SIGINT) is not preemption._give_notice

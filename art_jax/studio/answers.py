"""What the studio answers: JSON that holds any name of a file or a class."""

import json
from typing import Any

from starlette.responses import JSONResponse


class Json(JSONResponse):
  """Plain ASCII, so that a name that is no UTF-8 is told and comes back."""

  def render(self, content: Any) -> bytes:
    """Return the body; see `starlette.responses.Response`."""
    return text(content).encode()


def text(value: Any) -> str:
  """Return a value as JSON; raise ValueError where a number is not finite."""
  return json.dumps(value, separators=(',', ':'), allow_nan=False)

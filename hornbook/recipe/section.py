"""The base of all recipe sections."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of all recipe sections: frozen, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

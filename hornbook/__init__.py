"""Hornbook: the phi-1 recipe, whole and measured at every step."""

__version__ = "0.1.0"

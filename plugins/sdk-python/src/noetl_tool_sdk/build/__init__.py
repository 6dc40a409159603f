"""Builds the component of a tool."""

from .build import BuildError, Built, build

__all__ = ["BuildError", "Built", "build"]

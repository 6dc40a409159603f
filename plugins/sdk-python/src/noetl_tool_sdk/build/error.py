"""Why a component cannot be built."""


class BuildError(Exception):
    """Why a component cannot be built, in a sentence with the remedy."""

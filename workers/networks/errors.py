"""What can be wrong with a network that somebody asks for."""


class NetworkError(Exception):
    """A network that does not exist, cannot be built as asked for, or is not installed here."""

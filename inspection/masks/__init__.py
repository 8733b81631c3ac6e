"""What findings become whose masks meet: across tiles, in pieces, of two models."""

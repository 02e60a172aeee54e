"""What processes of one program hand each other: objects over a `Channel`, their arrays in shared memory."""

from flambeau.multiprocessing.channel import Channel

__all__ = ["Channel"]

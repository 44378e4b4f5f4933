"""The folder that an image is made from, for the makers beside this file."""
import os

WHEN = 1700000000


class Node:
    """A folder (`children` in order of their names) or a file (`data`)."""

    def __init__(self, path, name=b"", parent=None):
        self.name, self.parent = name, parent or self
        self.folder = os.path.isdir(path)
        self.children = [Node(os.path.join(path, each), each, self) for each in sorted(os.listdir(path))] if self.folder else []
        self.data = b"" if self.folder else open(path, "rb").read()
        self.number = 0

    def all(self):
        """This one and all below, each folder before what is in it."""
        yield self
        for child in self.children:
            yield from child.all()


def load(path):
    return Node(os.fsencode(path))


def blocks(data, size):
    """`data` in pieces of `size` bytes, the last one filled with zeroes."""
    return [data[at : at + size].ljust(size, b"\0") for at in range(0, len(data), size)]

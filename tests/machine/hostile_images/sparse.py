# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file of nothing, with something here and there."""
MIB = 1 << 20


class Image:
    def __init__(self, size=16 * MIB):
        self.size = size
        self.pieces = []

    def put(self, offset, data):
        self.pieces.append((offset, data))
        return self

    def write(self, path):
        with open(path, "wb") as f:
            for offset, data in self.pieces:
                if offset < self.size:
                    f.seek(offset)
                    f.write(data[:self.size - offset])
            f.truncate(self.size)

# SPDX-License-Identifier: Apache-2.0
"""What we read from a configuration, held against what a daemon says that it has: TAP lines."""


class Comparison:
    def __init__(self):
        self.n, self.wrong = 0, 0

    def same(self, what, ours, theirs):
        self.n += 1
        if ours == theirs:
            print(f"ok {self.n} - {what}")
            return
        self.wrong += 1
        print(f"not ok {self.n} - {what}\n# ours:   {ours!r}\n# theirs: {theirs!r}")

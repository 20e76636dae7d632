# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a tree of processes stands: below a stand-in for cron, so that what runs the tests does not
count. A process that is expected somewhere writes its pid to a file first (mark) and then becomes
what it is."""
import itertools
import os
import shlex
import shutil
import tempfile

# stdbuf(1) preloads a library, which AddressSanitizer, where it is compiled in, does not like.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"


class Bed:
    """A directory with the stand-ins and the marks of one tree."""

    def __init__(self, place, climb):
        self.place = place
        self.climb = climb
        self.hooks_run([climb], [climb, "--spawn"])
        rooted = os.geteuid() == 0
        self.unshare = ["unshare", *([] if rooted else ["--user", "--map-root-user"]),
                        "--pid", "--fork", "--mount-proc"]
        self.nsenter = ["nsenter", *([] if rooted else ["--user", "--preserve-credentials"]),
                        "--pid", "--mount"]

    def hooks_run(self, leaf, guard):
        self.leaf = leaf
        self.hook = shlex.join(leaf)
        self.guard = guard

    def path(self, name):
        return os.path.join(self.place, name)

    def file(self, name, text, mode=0o755):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def standin(self, name):
        """A program of that name that runs what follows it."""
        path = self.path(name)
        if not os.path.exists(path):
            shutil.copy(self.climb, path)
        return [path, "--spawn"]

    def mark(self, name, command):
        """The command, its pid written down before."""
        return ["sh", "-c", 'echo $$ > "$0"; exec "$@"', self.path("mark-" + name), *command]

    def marked(self, name):
        """The pid, in its own pid namespace; 0 for nobody."""
        if name is None:
            return 0
        with open(self.path("mark-" + name), encoding="ascii") as mark:
            return int(mark.read())

    def below_cron(self, command):
        return [*self.standin("cron"), *command]


def name_of(shape):
    return shape.__name__.replace("_", "-")


def count(shape, climb):
    with tempfile.TemporaryDirectory(prefix="owners-") as place:
        return sum(1 for _ in shape(Bed(place, climb)))


def tree(shape, bed, index):
    """One of the shape's trees: the generator, which is to be closed after, and what it yields."""
    trees = shape(bed)
    return trees, next(itertools.islice(trees, index, None))

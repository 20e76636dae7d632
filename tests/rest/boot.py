# SPDX-License-Identifier: GPL-3.0-or-later
"""Another boot of this machine, as far as a program can see, in a mount namespace of our own."""
import contextlib
import os
import subprocess
import tempfile
import uuid

BOOT_ID = "/proc/sys/kernel/random/boot_id"


@contextlib.contextmanager
def another_boot():
    """The boot id is another one."""
    with tempfile.NamedTemporaryFile("w", dir="/tmp") as file:
        file.write("%s\n" % uuid.uuid4())
        file.flush()
        os.chmod(file.name, 0o444)
        subprocess.run(["mount", "--bind", file.name, BOOT_ID], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", BOOT_ID], check=True)

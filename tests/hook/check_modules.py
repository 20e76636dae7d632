# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules are loaded, and which are not."""

import os
import shutil

from bench import EXEC, POLICY

ROUTER = dict(POLICY, targets=[EXEC])


def test_missing(b):
    b.policy(ROUTER)
    b.ok("pre", status=5, says="not installed")
    b.ok("post")
    # Nobody can look whether something of ours is left there.
    b.ok("restore", status=3, says="not installed")


def test_nftables_needs_none(b):
    os.rmdir(b.path("modules"))
    b.ok("pre")
    b.ok("post")


def test_not_needed_for_the_file_alone(b):
    """--help and a wrong policy load nothing, nor does one for another backend."""
    b.use_module()
    with open(b.module, "wb") as f:
        f.write(b"not a module")
    b.policy({"version": 1})
    b.ok("check", status=5)
    b.policy(POLICY)
    b.ok("pre")
    b.ok("post")
    b.policy(ROUTER)
    b.ok("pre", status=1, says="loading it failed")


def test_other_abi(b):
    b.use_module(ROUTER, b.parts.fake_other_abi)
    b.ok("pre", status=1, says="it has ABI 99, this geopause needs 8")


def test_unsafe_file(b):
    b.use_module(ROUTER)
    for mode in (0o666, 0o664, 0o646):
        os.chmod(b.module, mode)
        b.ok("pre", status=1, says="others can write it")
    os.chmod(b.module, 0o644)
    if os.geteuid() == 0:
        os.chown(b.module, 12345, 0)
        b.ok("pre", status=1, says="belongs to user 12345")
        os.chown(b.module, 0, 0)
    b.ok("pre")


def test_unsafe_directory(b):
    b.use_module(ROUTER)
    os.chmod(b.path("modules"), 0o777)
    b.ok("pre", status=1, says="others can write it")
    os.chmod(b.path("modules"), 0o1777)
    b.ok("pre", status=1, says="others can write it")
    os.chmod(b.path("modules"), 0o755)
    os.chmod(b.dir, 0o770)
    b.ok("pre", status=1, says="others can write it")
    os.chmod(b.dir, 0o700)
    if os.geteuid() == 0:
        os.chown(b.dir, 12345, 0)
        b.ok("pre", status=1, says="belongs to user 12345")
        os.chown(b.dir, 0, 0)
    b.ok("pre")


def test_symbolic_link(b):
    b.use_module(ROUTER)
    os.rename(b.module, b.path("elsewhere.so"))
    os.symlink(b.path("elsewhere.so"), b.module)
    b.ok("pre", status=1)
    assert not b.calls()


def test_no_environment_changes_the_place(b):
    environment = dict(os.environ, GEOPAUSE_MODULE_DIR=b.path("evil"), LD_LIBRARY_PATH=b.path("evil"))
    os.mkdir(b.path("evil"))
    b.use_module(ROUTER)
    shutil.move(b.module, b.path("evil", "geopause-exec.so"))
    b.ok("pre", status=5, says="not installed", env=environment)

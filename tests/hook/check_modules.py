# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules are loaded, and which are not."""

import os
import shutil


def test_missing(b):
    os.unlink(b.module)
    b.ok("pre", status=5, says="not installed")
    b.ok("post")
    b.ok("restore")


def test_not_needed_for_the_file_alone(b):
    """--help and a wrong policy load nothing."""
    with open(b.module, "wb") as f:
        f.write(b"not a module")
    b.policy({"version": 1})
    b.ok("check", status=5)
    b.policy({"version": 1, "targets": [{"name": "a", "backend": "nftables", "table": "ip f"}]})
    b.ok("pre", status=1, says="loading it failed")


def test_other_abi(b):
    shutil.copy(b.parts.fake_other_abi, b.module)
    b.ok("pre", status=1, says="it has ABI 99, this geopause needs 7")


def test_unsafe_file(b):
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
    os.rename(b.module, b.path("elsewhere.so"))
    os.symlink(b.path("elsewhere.so"), b.module)
    b.ok("pre", status=1)
    assert not b.calls()


def test_no_environment_changes_the_place(b):
    environment = dict(os.environ, GEOPAUSE_MODULE_DIR=b.path("evil"), LD_LIBRARY_PATH=b.path("evil"))
    os.mkdir(b.path("evil"))
    shutil.move(b.module, b.path("evil", "geopause-nftables.so"))
    b.ok("pre", status=5, says="not installed", env=environment)

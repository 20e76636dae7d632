# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes. Each yields commands, and what is expected of the hooks in them: the marks of owner,
guard and via (none: nobody), the owner's name, how many hooks are called, and whether all
processes below end with the tree (container)."""
import os
import shlex
import shutil
import subprocess

SHAPES = []

# As certbot calls hooks: through a shell, output captured and shown after.
CERTBOT = """
import subprocess, sys
for hook in sys.argv[1:]:
    done = subprocess.run(hook, shell=True, stdout=subprocess.PIPE, check=False)
    sys.stdout.buffer.write(done.stdout)
    sys.stdout.flush()
"""

# As acme.sh: a function in a subshell for each certificate, the hook evaluated in one of its own.
ACME_SH = """
issue() {
	if ! (cd "$PWD" && eval "$1"); then
		return 1
	fi
	return 0
}
for domain in a.example b.example; do
	(issue "$1") || exit 1
done
"""

# As dehydrated: the hook in subshells of functions, of loops at the end of a pipeline, of $().
DEHYDRATED = """
set -euo pipefail
deploy() {
	"${HOOK}" deploy_challenge example.org token auth
}
sign_csr() {
	printf 'a\\nb\\n' | while read -r _; do
		(deploy)
	done
	local said
	said=$(deploy)
	echo "${said}"
}
sign_csr | cat
"${HOOK}" exit_hook
"""


def shape(function):
    SHAPES.append(function)
    return function


def owned(name, **more):
    return {"owner": "owner", "via": "owner", "name": name, **more}


def below(via="top", **more):
    return {"via": via, **more}


def python(bed, name, text=CERTBOT):
    return ["python3", bed.file(name, text)]


def certbot(bed, *hooks):
    return bed.mark("owner", [*python(bed, "bin/certbot"), *hooks])


def acme_sh(bed, shell):
    return bed.mark("owner", [*shell, bed.file("acme.sh", ACME_SH), bed.hook])


def shells():
    """Those that are there; two always are."""
    for shell in "dash", "bash":
        yield [shell]
    for shell in "busybox sh", "ksh", "mksh", "zsh", "yash":
        if shutil.which(shell.split()[0]):
            yield shell.split()


def wrappers(bed):
    """Programs that stand between, each with something to run after it."""
    yield ["env", "A=b"]
    yield ["nice", "-n", "1"]
    yield ["timeout", "20"]
    yield ["flock", bed.path("lock")]
    yield ["setsid", "--wait"]
    yield ["ionice", "-c3"]
    yield ["chrt", "--other", "0"]
    yield ["stdbuf", "-oL"]
    yield ["nohup"]
    yield ["sh", "-c", 'echo x | xargs -I{} "$@"', "sh"]
    yield ["flock", bed.path("lock"), "timeout", "20", "nice"]
    for name in "sudo", "doas", "su", "runuser", "chpst", "strace":
        yield bed.standin(name)
    if os.geteuid() == 0:
        yield ["runuser", "-u", "root", "--"]
        if shutil.which("sudo"):
            yield ["sudo"]


@shape
def certbot_option_hook(bed):
    yield certbot(bed, bed.hook, bed.hook), owned("certbot", calls=2)


@shape
def certbot_directory_hook(bed):
    hook = bed.file("renewal-hooks/pre/geopause", f"#!/bin/sh\n{bed.hook}\n")
    yield certbot(bed, hook), owned("certbot")


@shape
def certbot_as_a_module(bed):
    bed.file("certbot/__init__.py", "")
    bed.file("certbot/__main__.py", CERTBOT)
    bed.file("certbot/main.py", CERTBOT)
    for module in "certbot", "certbot.main":
        yield (bed.mark("owner", ["python3", "-B", "-m", module, bed.hook]), owned("certbot"))


@shape
def certbot_of_cron(bed):
    line = 'test -x /bin/sh && "$@" && :'
    yield (bed.mark("top", ["sh", "-c", line, "sh", *certbot(bed, bed.hook)]),
           owned("certbot", via="top"))


@shape
def certbot_of_a_script_in_a_wrapper(bed):
    script = bed.file("renew", '#!/bin/sh\n"$@"\n:\n')
    for wrapper in wrappers(bed):
        yield (bed.mark("top", [*wrapper, script, *certbot(bed, bed.hook)]),
               owned("certbot", via="top"))


@shape
def certbot_and_a_wrapper(bed):
    for wrapper in wrappers(bed):
        yield certbot(bed, shlex.join([*wrapper, *bed.leaf])), owned("certbot")


@shape
def client_below_a_client(bed):
    """The topmost: what certbot calls is named after another."""
    hook = bed.file("renewal-hooks/acme.sh", f"#!/bin/sh\n{bed.hook}\n:\n")
    yield certbot(bed, hook), owned("certbot")
    yield (certbot(bed, shlex.join([*bed.standin("lego"), *bed.leaf])), owned("certbot"))


@shape
def acme_sh_hook(bed):
    for shell in shells():
        yield acme_sh(bed, shell), owned("acme.sh", calls=2)


@shape
def acme_sh_of_cron(bed):
    yield (bed.mark("top", ["sh", "-c", '"$@" > out; cat out', "sh", *acme_sh(bed, ["sh"])]),
           owned("acme.sh", via="top", calls=2))


@shape
def dehydrated_hook(bed):
    hook = bed.file("hook.sh", f"#!/usr/bin/env bash\n{bed.hook}\n:\n")
    script = bed.file("dehydrated", "#!/usr/bin/env bash\n" + DEHYDRATED)
    yield bed.mark("owner", ["env", f"HOOK={hook}", script]), owned("dehydrated", calls=4)


@shape
def programs_without_a_shell(bed):
    hook = bed.file("hook.sh", f"#!/bin/sh\n{bed.hook}\n:\n")
    for name in "lego", "uacme":
        yield bed.mark("owner", [*bed.standin(name), *bed.leaf]), owned(name)
        yield bed.mark("owner", [*bed.standin(name), hook, "begin"]), owned(name)


@shape
def script_of_cron(bed):
    """No client: the script ends before the CA validates, so there is no owner."""
    script = bed.file("renew.sh", f"#!/bin/sh\n{bed.hook}\n{bed.hook}\n:\n")
    yield bed.mark("top", [script]), below(calls=2)
    yield bed.mark("top", ["sh", "-c", f"{bed.hook}; :"]), below()
    yield ([*bed.standin("cron"), *bed.mark("top", ["bash", "-ec", f"( {bed.hook} ); :"])],
           below())
    yield bed.leaf, below(via=None)


@shape
def wrappers_of_cron(bed):
    for wrapper in wrappers(bed):
        line = shlex.join([*wrapper, *bed.leaf])
        yield bed.mark("top", ["sh", "-c", f"{line}; :"]), below()


@shape
def directory_of_cron(bed):
    bed.file("cron.daily/renew", f"#!/bin/sh\n{bed.hook}\n:\n")
    yield bed.mark("top", ["run-parts", bed.path("cron.daily")]), below()


@shape
def script_of_another_language(bed):
    """Lives as long as its task: as good as a client."""
    yield (bed.mark("owner", [*python(bed, "renew.py"), bed.hook]), owned("renew.py"))
    for wrapper in wrappers(bed):
        hook = shlex.join([*wrapper, *bed.leaf])
        yield bed.mark("owner", [*python(bed, "renew.py"), hook]), owned("renew.py")


@shape
def worker_of_another_language(bed):
    """A fork of it may be gone at once."""
    fork = ("import os, subprocess, sys\nif os.fork():\n    os.wait()\nelse:\n"
            "    subprocess.run(sys.argv[1:], check=False)\n")
    yield (bed.mark("owner", [*python(bed, "renew.py", fork), *bed.leaf]), owned("renew.py"))


@shape
def servers_and_service_managers(bed):
    hook = bed.file("hook.sh", f"#!/bin/sh\n{bed.hook}\n:\n")
    for name in "caddy", "apache2", "nginx", "sshd", "sshd-session", "runsv", "tini", "atd":
        yield [*bed.standin(name), *bed.mark("top", [hook])], below()
        # What a client has started for good is not the client's.
        server = [*bed.standin(name), *bed.mark("top", [hook])]
        yield [*python(bed, "bin/certbot"), shlex.join(server)], below()
    supervisord = "import subprocess, sys\nsubprocess.run(sys.argv[1:], check=False)\n"
    yield [*python(bed, "supervisord", supervisord), *bed.mark("top", [hook])], below()


@shape
def title_of_a_login(bed):
    """A title holds slashes, too: its last part is not the name."""
    spawn = bed.standin("sshd")[0]
    titled = ["bash", "-c", 'exec -a "sshd: root@pts/0" "$@"', "bash", spawn, "--spawn"]
    yield [*titled, *bed.mark("top", ["bash", "-c", f"{bed.hook}; :"])], below()


@shape
def interactive_shell(bed):
    typed = f"{bed.hook}\n( {bed.hook} )\n({bed.hook}; :) | cat\nexit\n"
    terminal = f"""
import os, pty, sys
pid, fd = pty.fork()
if not pid:
    os.execvp(sys.argv[1], sys.argv[1:])
os.write(fd, {typed!r}.encode())
try:
    while (said := os.read(fd, 4096)):
        os.write(1, said)
except OSError:
    pass
os.wait()
"""
    script = bed.mark("top", python(bed, "terminal.py", terminal))
    for shell in ["bash", "--norc", "-i"], ["bash", "--norc"], ["dash", "-i"]:
        yield ([*script, *bed.mark("owner", shell)], owned(shell[0], via="top", calls=3))


@shape
def guard(bed):
    """`geopause run`: ends the climb; its COMMAND owns when nobody else does."""
    run = bed.mark("guard", bed.guard)
    guarded = {"guard": "guard"}
    yield ([*run, *bed.mark("owner", ["sh", "-c", f"{bed.hook}; :"])], owned("dash", **guarded))
    script = bed.file("renew.sh", f"#!/bin/sh\ntimeout 20 sh -c '{bed.hook}; :'\n:\n")
    yield [*run, *bed.mark("owner", [script])], owned("renew.sh", **guarded)
    yield [*run, *certbot(bed, bed.hook)], owned("certbot", **guarded)
    yield ([*run, *bed.mark("top", ["sh", "-c", '"$@"; :', "sh", *certbot(bed, bed.hook)])],
           owned("certbot", via="top", **guarded))
    yield ([*run, *bed.mark("top", ["timeout", "20", *bed.mark("owner", [
        *python(bed, "renew.py"), bed.hook])])], owned("renew.py", via="top", **guarded))
    # Itself the COMMAND: it cannot own its own lease.
    yield [*run, *bed.leaf], below(via=None, **guarded)
    # Who is above the guard does not count.
    command = [*run, *bed.mark("owner", ["sh", "-c", f"{bed.hook}; :"])]
    yield [*python(bed, "bin/certbot"), shlex.join(command)], owned("dash", **guarded)


@shape
def service_of_pid_1(bed):
    """ExecStartPre, or a container's entry point."""
    hook = bed.mark("top", ["sh", "-c", f"{bed.hook}; :"])
    yield [*bed.unshare, *bed.standin("pid1"), *hook], below(container=True)
    yield ([*bed.unshare, *bed.standin("pid1"), *certbot(bed, bed.hook)],
           owned("certbot", container=True))
    yield [*bed.unshare, *bed.standin("lego"), *bed.leaf], below(via=None, container=True)


@shape
def orphan(bed):
    """Whoever called has ended: nobody is above but pid 1."""
    orphaned = """
import os, sys, time
if not os.fork():
    if os.fork():
        os._exit(0)
    while os.getppid() != 1:
        time.sleep(0.01)
    os.execvp(sys.argv[1], sys.argv[1:])
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
"""
    init = [*bed.unshare, *python(bed, "bin/certbot-orphan", orphaned)]
    yield [*init, *bed.leaf], below(via=None)
    yield [*init, *bed.mark("top", ["sh", "-c", f"{bed.hook}; :"])], below()


@shape
def exec_in_a_container(bed):
    """Its parent is outside, which shows as parent 0."""
    with subprocess.Popen([*bed.unshare, "sh", "-c", "echo; read -r _"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as outside:
        outside.stdout.readline()
        children = f"/proc/{outside.pid}/task/{outside.pid}/children"
        with open(children, encoding="ascii") as file:
            inside = int(file.read().split()[0])
        enter = [*bed.nsenter, "--target", str(inside)]
        yield [*enter, *bed.leaf], below(via=None)
        yield [*enter, *bed.mark("top", ["sh", "-c", f"{bed.hook}; :"])], below()
        yield [*enter, *certbot(bed, bed.hook)], owned("certbot")
        yield ([*enter, *bed.mark("owner", [*python(bed, "renew.py"), bed.hook])],
               owned("renew.py"))

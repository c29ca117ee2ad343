"""Programs that stand between a client and the nodes, for as long as the cases run."""

import contextlib
import os
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def running(command, port, folder):
    """Runs a command until the end of the block, from when something listens on its port."""
    log = os.path.join(folder, "log")
    with open(log, "w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} doesn't listen: {open(log).read()[-500:]}") from None
                time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait()


def folder():
    """A folder that any user may read: some programs don't run as root."""
    made = tempfile.TemporaryDirectory()
    os.chmod(made.name, 0o777)
    return made


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path

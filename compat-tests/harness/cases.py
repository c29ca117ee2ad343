"""Runs a client's cases: every function whose name begins with `case_`, one line of outcome each.

The address of the server is in PGHOST, PGPORT, PGUSER and PGDATABASE.
"""

import asyncio
import inspect
import os


def address():
    return {
        "host": os.environ["PGHOST"],
        "port": int(os.environ["PGPORT"]),
        "user": os.environ["PGUSER"],
        "database": os.environ["PGDATABASE"],
    }


def run(module):
    for name, case in list(module.items()):
        if not name.startswith("case_"):
            continue
        try:
            result = case()
            if inspect.isawaitable(result):
                asyncio.run(asyncio.wait_for(result, 10))
            print(f"case {name[5:]} ok", flush=True)
        except Exception as error:  # what a client raises is its own
            text = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"case {name[5:]} failed {text}", flush=True)


def nodes():
    """The hosts and the ports of all nodes."""
    return zip(*(node.rsplit(":", 1) for node in os.environ["EIDER_HOSTS"].split(",")))


def targets():
    """Values of target_session_attrs, and what the node that is found says of `in_hot_standby`; None: none is found."""
    alone = "," not in os.environ["EIDER_HOSTS"]
    return {"read-write": "off", "primary": "off", "read-only": None if alone else "on",
            "standby": None if alone else "on", "prefer-standby": "off" if alone else "on"}


def equal(got, expected):
    if got != expected:
        raise AssertionError(f"{got!r} instead of {expected!r}")

#!/usr/bin/env python3
"""What the tests of clients' own suites came to.

outcomes.py read FORMAT LOG          a line for each test: `pass NAME`, `skip NAME` or `fail NAME WHY`
outcomes.py compare POSTGRES EIDER   how many of the tests that pass with PostgreSQL pass with Eider, and which don't, and why
"""

import collections
import json
import pathlib
import re
import sys
import xml.etree.ElementTree

WHY_MAX = 140


def line(text):
    return " ".join(text.split())


def junit(log):
    for case in xml.etree.ElementTree.parse(log).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        kinds = {child.tag: child for child in case}
        broken = kinds.get("failure", kinds.get("error"))
        if broken is not None:
            # The last error of a chain is what the test saw.
            said = re.findall(r"^E\s+(\S*(?:Error|Exception|errors\.\w+|[a-z]\.\w+)\b:? .*)$", broken.text or "", re.M)
            yield "fail", name, (said or [broken.get("message") or ""])[-1]
        else:
            yield "skip" if "skipped" in kinds else "pass", name, ""


def methods(folder):
    """JUnit's reports of Java classes: a method passes if it does with all parameters that it runs with."""
    outcomes = {}
    for log in sorted(pathlib.Path(folder).glob("TEST-*.xml")):
        for case in xml.etree.ElementTree.parse(log).iter("testcase"):
            method = re.match(r"[^\[(]*", case.get("name"))[0]
            name = f"{case.get('classname').removeprefix('org.postgresql.')}.{method}"
            kinds = {child.tag: child for child in case}
            broken = kinds.get("failure", kinds.get("error"))
            outcome = "fail" if broken is not None else "skip" if "skipped" in kinds else "pass"
            if outcomes.get(name, ("skip",))[0] == "skip" or outcome == "fail":
                why = "" if broken is None else broken.get("message") or (broken.text or "").split("\n")[0]
                outcomes[name] = outcome, why
    for name, (outcome, why) in outcomes.items():
        yield outcome, name, why


def unittest(log):
    text = open(log, errors="replace").read()
    why = {}
    for name, body in re.findall(r"^(?:ERROR|FAIL): (\S+ \([\w.]+\)).*\n(?:.*\n)?-{70}\n((?:.*\n)*?)\n(?==|-{70})", text, re.M):
        said = re.findall(r"^(\S*(?:Error|Exception)\b.*)$", body, re.M)
        why.setdefault(name, (said or [""])[-1])
    for name, outcome in re.findall(r"^(\w+ \([\w.]+\))(?:\n.*?)? \.\.\. (?:.*\n)*?.*?(ok|FAIL|ERROR|skipped|expected failure)\b", text, re.M):
        full = line(name)
        if full in why or outcome in ("FAIL", "ERROR"):
            yield "fail", full, why.get(full, "")
        else:
            yield "skip" if outcome == "skipped" else "pass", full, ""


def go(log):
    said, outcomes = collections.defaultdict(str), {}
    for entry in open(log):
        try:
            event = json.loads(entry)
        except ValueError:
            continue
        if "Test" not in event:
            continue
        test = event["Test"].split("/")[0]
        name = f"{event['Package'].removeprefix('github.com/jackc/')}.{test}"
        if event["Action"] == "output":
            said[name] += event["Output"]
        elif event["Action"] in ("pass", "fail", "skip") and event["Test"] == test:
            outcomes[name] = event["Action"]
    for name, outcome in outcomes.items():
        errors = re.findall(r"(?:ERROR|FATAL): .*|Error: +\S.*|_test\.go:\d+: +\S.*", said[name])
        yield outcome, name, errors[0] if outcome == "fail" and errors else ""


def libtest(log):
    text = open(log, errors="replace").read()
    why = {}
    for name, body in re.findall(r"^---- (\S+) stdout ----\n((?:.*\n)*?)(?=^---- |^failures:)", text, re.M):
        said = re.search(r'message: "(.*?)", detail', body)
        rest = [entry for entry in body.splitlines() if entry and not entry.startswith(("thread", "note"))]
        why[name] = said[1] if said else (rest or [""])[0]
    for name, outcome in re.findall(r"^test (\S+) \.\.\. (ok|FAILED|ignored)", text, re.M):
        yield {"ok": "pass", "FAILED": "fail", "ignored": "skip"}[outcome], name, why.get(name, "")


def lines(log):
    for entry in open(log):
        outcome, name, *why = line(entry).split(" ", 2)
        yield outcome, name, why[0] if why else ""


def compare(postgres, eider):
    before, after = ({name: (outcome, why) for outcome, name, why in lines_of(path)} for path in (postgres, eider))
    passing = [name for name, (outcome, _) in before.items() if outcome == "pass"]
    missing = {name: after.get(name, ("fail", "not reached")) for name in passing}
    missing = {name: why or "no reason given" for name, (outcome, why) in missing.items() if outcome != "pass"}
    kept = len(passing) - len(missing)
    print(f"# {kept} of the {len(passing)} tests that pass with PostgreSQL 15 pass with Eider: {100 * kept / len(passing):.1f} %")
    for name in sorted(missing):
        print(f"{name}: {missing[name]}")


def lines_of(path):
    for entry in open(path):
        outcome, name, *why = entry.rstrip("\n").split("\t")
        yield outcome.strip(), name, why[0] if why else ""


def main():
    if sys.argv[1:2] == ["compare"]:
        return compare(*sys.argv[2:4])
    read = {"junit": junit, "methods": methods, "unittest": unittest, "go": go, "libtest": libtest, "lines": lines}[sys.argv[2]]
    for outcome, name, why in read(sys.argv[3]):
        print(f"{outcome} \t{line(name)}\t{line(why)[:WHY_MAX]}")


main()

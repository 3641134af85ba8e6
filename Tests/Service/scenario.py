#!/usr/bin/env python3
"""Runs the checks, in a booted systemd that may be thrown away: see `run`, which boots one."""
import argparse
import os
import subprocess
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import host
from checking import CHECKS, Failed
# In the order in which they run: each relies on what those before it left.
from checks import installed, traffic, faults, clients, packages  # noqa: F401 (they declare checks)

ALWAYS = {'install'}


def explain_failure():
    for command in (['systemctl', '--no-pager', '--lines=0', 'status', *host.UNITS],
                    ['journalctl', '--no-pager', '--lines=60', '--unit=connd', '--unit=connd.socket',
                     '--unit=connd-admin.socket', '--output=short-precise']):
        print(f'--- {" ".join(command)}')
        print(subprocess.run(command, capture_output=True, text=True).stdout)


def indented(text):
    return text.replace('\n', '\n' + ' ' * 31)


def run_one(name, function, scene):
    began = time.monotonic()
    try:
        figures, good = function(scene) or '', True
    except (Failed, subprocess.TimeoutExpired) as failure:
        figures, good = str(failure), False
    except Exception:
        figures, good = traceback.format_exc().rstrip(), False
    seconds = time.monotonic() - began
    print(f'{"ok" if good else "FAILED":7} {name:22} {indented(figures)}', flush=True)
    if not good:
        explain_failure()
    return good, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--package', required=True)
    parser.add_argument('--older', required=True, help='a package of an earlier version, that knows an earlier schema')
    parser.add_argument('names', nargs='*', help='of checks, or parts of them; none: all')
    options = parser.parse_args()
    chosen = [(name, function) for name, function in CHECKS
              if not options.names or name in ALWAYS or any(part in name for part in options.names)]
    began = time.monotonic()
    scene = host.Scene(options.package, options.older)
    results = []
    for name, function in chosen:
        results.append((name, *run_one(name, function, scene)))
        if name in ALWAYS and not results[-1][1]:
            break
    scene.close()

    print()
    for name, good, seconds in results:
        print(f'{name:24} {"ok" if good else "FAILED":7} {seconds:6.1f} s')
    failed = sum(1 for _, good, _ in results if not good)
    print(f'{len(results)} checks, {failed} failed, {time.monotonic() - began:.0f} s')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()

"""What must not happen, and what happens then: a hung process, a stuck loop, a killed one."""
import os
import signal
import subprocess
import sys
import time
import urllib.error

import host
from checking import check, no_failures, require, wait_until
from load import Load, ask


def short_watchdog():
    return host.DropIn(WatchdogSec='2s')


def works(scene):
    with Load(scene.origins.urls, rate=200) as load:
        time.sleep(0.5)
    no_failures(load)
    return load.summary()


@check('watchdog: stopped')
def stopped_process(scene):
    shipped = host.properties('connd.service', 'WatchdogUSec')['WatchdogUSec']
    require(shipped not in ('0', 'infinity'), 'the unit as shipped has no watchdog')
    before = host.ended('watchdog')
    with short_watchdog():
        process = host.main_process()
        os.kill(process, signal.SIGSTOP)
        began = time.monotonic()
        host.wait_for_another(process)
        took = time.monotonic() - began
        after = host.ended('watchdog')
        require(after == before + 1, f'runs that the watchdog ended: {before:g}, then {after:g}')
        summary = works(scene)
    return f'back {took:.1f} s after SIGSTOP with WatchdogSec=2s (shipped: {shipped}), counted; {summary}'


@check('watchdog: stuck loop')
def stuck_loop(scene):
    """Only the data loop: all other threads go on."""
    before = host.ended('watchdog')
    with short_watchdog():
        process, since = host.main_process(), host.now()
        freezer = subprocess.Popen([sys.executable, f'{host.HERE}/freeze.py', str(process)], stdout=subprocess.PIPE,
                                   text=True)
        require(freezer.stdout.readline() == 'frozen\n', 'freeze.py could not stop the thread')
        began = time.monotonic()
        try:
            host.fetch(f'{host.ADMIN}/healthz', timeout=0.5)
            meanwhile = 'answers'
        except urllib.error.HTTPError as error:
            meanwhile = f'says {error.code}'
        except OSError:
            meanwhile = 'is silent'
        try:
            host.wait_for_another(process)
        finally:
            freezer.terminate()
            freezer.wait()
        took = time.monotonic() - began
        after = host.ended('watchdog')
        require(after == before + 1, f'runs that the watchdog ended: {before:g}, then {after:g}')
        said = [each for each in host.journal('_PID=1', since=since) if 'atchdog timeout' in each['MESSAGE']]
        require(said, 'the journal has no word of the watchdog')
        summary = works(scene)
    return f'back after {took:.1f} s, counted; /healthz {meanwhile} meanwhile; {summary}'


@check('kill -9')
def killed(scene):
    pattern = scene.origin
    host.connctl('set', pattern, 'max_connections=7', '--reason', 'kept over a crash')
    before, process = host.ended('killed'), host.main_process()
    with Load(scene.origins.urls, rate=200) as load:
        time.sleep(1)
        os.kill(process, signal.SIGKILL)
        began = time.monotonic()
        wait_until('the end of the process', lambda: not os.path.exists(f'/proc/{process}'), 2, 0.001)
        gone = time.monotonic()
        host.wait_for_another(process, 5)
        took = (time.monotonic() - began) * 1000
        time.sleep(1)
    require(took < 2000, f'back after {took:.0f} ms')
    # What was under way is lost. A kept connection looks open until the process is gone; a new one waits in the socket.
    late = [each for each in load.failures(began) if each.began > gone or 'keep-alive' not in each.kind]
    require(not late, f'{len(late)} requests that began after the kill failed\n{load.explain()}')
    lost = len(load.failures())
    require(lost <= 20, f'{lost} requests were under way\n{load.explain()}')
    after = host.ended('killed')
    require(after == before + 1, f'runs that were killed: {before:g}, then {after:g}')
    require(host.connctl_json('show', pattern)['summary']['max_connections'] == 7, 'the override is not in force')
    seen = host.connctl_json('show', pattern)['summary']
    require(seen['opened'] and seen['reused'], f'the pools do not work: {seen}')
    host.connctl('unset', pattern, 'max_connections')
    return (f'active again after {took:.0f} ms, override in force, reuse {seen["reuse_ratio"]:.0%}; {lost} under way '
            f'lost, none that began later, longest {load.longest(began) * 1000:.0f} ms')


@check('admin API at rest')
def admin(scene):
    """After all that: well, by its own word."""
    require(host.fetch(f'{host.ADMIN}/healthz').strip() != '', '/healthz is empty')
    ready = host.fetch(f'{host.ADMIN}/readyz').strip()
    require(ask(scene.origin, '/well')[0] == 200, 'no answer')
    ends = {name.split('"')[1]: value for name, value in host.metrics().items()
            if name.startswith('connd_runs_ended_total')}
    require(len(ends) == 8, f'ends known: {sorted(ends)}')
    counts = ', '.join(f'{how} {count:g}' for how, count in ends.items() if count)
    return f'readyz: {ready[:40]!r}; runs ended: {counts}'

"""What operators do while requests run: reload, restart, stop. No request may fail."""
import re
import socket
import time

import host
from checking import Failed, check, no_failures, require, wait_until
from load import TCP4, UNIX, Download, Load, Proxy, ask


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def loaded(scene):
    return Load(scene.origins.urls, rate=200)


def setting(name):
    """What the running connd has for every origin."""
    found = re.search(rf'(?m)^  {name}: (\S+)', host.connctl('config').stdout)
    return found and found.group(1)


@check('reload')
def reload(scene):
    shipped, process = host.read_config(), host.main_process()
    port = free_port()
    times = []

    def timed():
        began = time.monotonic()
        host.systemctl('reload', 'connd')
        times.append((time.monotonic() - began) * 1000)
        time.sleep(0.4)

    with loaded(scene) as load:
        time.sleep(0.4)
        try:
            timed()
            host.write_config(host.edited_config(shipped, listen=[f'127.0.0.1:{port}'], max_connections=33))
            timed()
            changed = setting('max_connections')
            require(changed == '33', f'max_connections is {changed} after the reload')
            added = Proxy('added', socket.AF_INET, ('127.0.0.1', port))
            status = ask(scene.origin, '/added', added)[0]
            require(status == 200, f'{status} at the listener that the reload added')
        finally:
            host.write_config(shipped)
        timed()
        require(setting('max_connections') == '32', 'the setting did not go back')
        require(f'127.0.0.1:{port}' not in host.listeners(), 'the listener did not go away')
    no_failures(load)
    require(host.main_process() == process, 'the reloads restarted it')
    shown = ', '.join(f'{each:.0f}' for each in times)
    return f'3 in {shown} ms, a setting and a listener came and went; {load.summary()}'


@check('reload refused')
def reload_refused(scene):
    shipped, process, since = host.read_config(), host.main_process(), host.now()
    bad = host.edited_config(shipped, max_connections=0, max_queue=17)
    line = next(number for number, text in enumerate(bad.splitlines(), 1) if text.startswith('  max_connections: 0'))
    with loaded(scene) as load:
        time.sleep(0.3)
        try:
            host.write_config(bad)
            result = host.systemctl('reload', 'connd', check=False)
        finally:
            host.write_config(shipped)
        time.sleep(0.3)
        require(result.returncode != 0, 'systemctl reload took a bad file')
        require(host.is_active() and host.main_process() == process, 'the refused reload ended it')
        require(setting('max_queue') == '256' and setting('max_connections') == '32', 'half of the bad file holds')
        place = f'{host.CONFIG}:{line}:'
        entries = host.journal(since=since)
        told = [each for each in entries if any(place in str(value) for value in each.values())]
        require(any(place in str(each['MESSAGE']) for each in told), f'the journal does not say {place}\n'
                                                                     f'{host.messages(entries)}')
        errors = [each for each in told if each['PRIORITY'] == '3']
        require(errors, f'no entry about {place} is of priority 3, but ' + ' '.join(each['PRIORITY'] for each in told))
        host.systemctl('reload', 'connd')
    no_failures(load)
    return f'exit code {result.returncode}, "{errors[0]["MESSAGE"][:90]}" at priority 3; {load.summary()}'


@check('bad file at start')
def bad_start(scene):
    """It does not start, says why, and comes back once the file is repaired; clients wait in the sockets."""
    shipped, since = host.read_config(), host.now()
    place = f'{host.CONFIG}:1:'
    with loaded(scene) as load:
        time.sleep(0.3)
        try:
            host.write_config('setings: {}\n' + shipped)
            result = host.systemctl('restart', 'connd', check=False)
            require(result.returncode != 0, 'systemctl restart took a bad file')
            told = wait_until(f'a word of {place} in the journal',
                              lambda: [each for each in host.journal(since=since) if place in str(each['MESSAGE'])], 5)
        finally:
            host.write_config(shipped)
        began = time.monotonic()
        wait_until('the service, by itself', host.is_active, 5)
        took = (time.monotonic() - began) * 1000
        time.sleep(0.3)
    no_failures(load)
    priorities = {each['PRIORITY'] for each in told}
    require('3' in priorities, f'"{told[0]["MESSAGE"]}" has priority {priorities}, not 3')
    return f'"{told[0]["MESSAGE"][:90]}"; {took:.0f} ms after the repair it runs by itself; {load.summary()}'


@check('restart')
def restart(scene):
    times, longest = [], []
    with loaded(scene) as load:
        time.sleep(0.5)
        for _ in range(3):
            before, began = host.main_process(), time.monotonic()
            host.systemctl('restart', 'connd')
            ended = time.monotonic()
            require(host.main_process() != before, 'restart kept the process')
            time.sleep(0.7)
            times.append((ended - began) * 1000)
            longest.append(load.longest(began, ended) * 1000)
    no_failures(load)
    return (f'3 in {", ".join(f"{each:.0f}" for each in times)} ms, longest request then '
            f'{", ".join(f"{each:.0f}" for each in longest)} ms; {load.summary()}')


@check('restart with downloads')
def restart_with_downloads(scene):
    downloads = [Download(scene.origin, 3, proxy=proxy) for proxy in (TCP4, UNIX)]
    with loaded(scene) as load:
        for each in downloads:
            each.start()
        for each in downloads:
            require(each.begun.wait(5), f'a download did not begin: {each.error}')
        time.sleep(0.5)
        began = time.monotonic()
        host.systemctl('restart', 'connd')
        took = time.monotonic() - began
        for each in downloads:
            each.join()
        time.sleep(0.3)
    require(not any(each.error for each in downloads), f'downloads: {[each.error for each in downloads]}')
    no_failures(load)
    return f'2 downloads of 3 s ended whole, the restart waited {took:.1f} s for them; {load.summary()}'


@check('warm start')
def warm_start(scene):
    """Without any client: what was busy before is dialled ahead, bounded, and then used."""
    with loaded(scene):
        time.sleep(1.5)
    since = host.now()
    host.systemctl('restart', 'connd')
    wait_until('a connection to the busiest origin, before any request',
               lambda: scene.origins.since(since)[scene.origin], 5)
    time.sleep(0.5)
    dialled = {url: len(found) for url, found in scene.origins.since(since).items()}
    require(all(1 <= count <= 8 for count in dialled.values()), f'dialled ahead: {dialled}')
    require(not any(each['requests'] for found in scene.origins.since(since).values() for each in found),
            'a request came from nowhere')
    require(ask(scene.origin, '/warm')[0] == 200, 'no answer')
    used = [each for each in scene.origins.since(since)[scene.origin] if each['requests']]
    require(len(used) == 1 and used[0]['first_request'] - used[0]['accepted'] > 0.3, 'the request dialled for itself')
    counts = ', '.join(map(str, dialled.values()))
    return f'{counts} connections dialled ahead at 3 busy origins, and the first request used one'


@check('journal by origin')
def journal_by_origin(scene):
    since = host.now()
    first, second = scene.origins.urls[:2]
    for url in (first, second):
        host.connctl('set', url, 'max_queue=99', '--reason', 'service test')
        host.connctl('drain', url)
        host.connctl('unset', url, 'max_queue')
    entries = host.journal(f'CONND_ORIGIN={first}', since=since)
    everything = host.messages(host.journal(since=since))
    require(entries, f'journalctl -u connd CONND_ORIGIN={first} finds nothing in\n{everything}')
    for each in entries:
        require(each['CONND_ORIGIN'] == first, f'an entry of another origin: {each}')
        require(each['PRIORITY'] in ('4', '5', '6'), f'priority {each["PRIORITY"]}: {each["MESSAGE"]}')
        require(each['_SYSTEMD_UNIT'] == 'connd.service' and each['SYSLOG_IDENTIFIER'] == 'connd', f'{each}')
    others = host.journal(f'CONND_ORIGIN={second}', since=since)
    require(others and not any(second in each['MESSAGE'] for each in entries), 'the filter mixes origins')
    said = ' | '.join(dict.fromkeys(each['MESSAGE'].split(' origin=')[0] for each in entries))
    return f'{len(entries)} entries of one origin, {len(others)} of another: {said[:120]}'


@check('stop')
def stop(scene):
    """What runs ends whole; then nothing is left of it."""
    download = Download(scene.origin, 2)
    download.start()
    require(download.begun.wait(5), f'the download did not begin: {download.error}')
    began = time.monotonic()
    host.systemctl('stop', 'connd.socket', 'connd-admin.socket', 'connd.service')
    took = time.monotonic() - began
    download.join()
    require(not download.error, f'the download: {download.error}')
    require(not host.processes(), f'still there: {host.processes()}')
    left = [address for address in host.OURS if address in host.listeners()]
    require(not left, f'still listening: {left}')
    result = host.properties('connd.service', 'Result', 'ExecMainStatus', 'ActiveState')
    require(result == {'Result': 'success', 'ExecMainStatus': '0', 'ActiveState': 'inactive'}, f'{result}')
    try:
        ask(scene.origin, '/stopped')
        raise Failed('an answer from nobody')
    except OSError:
        pass
    host.systemctl('start', *host.UNITS)
    return f'a download of 2 s ended whole, stopped after {took:.1f} s with success, nothing listens'


@check('start on demand')
def on_demand(scene):
    """With the sockets alone, the first client starts it."""
    host.systemctl('stop', *host.UNITS)
    host.systemctl('start', 'connd.socket', 'connd-admin.socket')
    require(not host.processes(), 'the sockets started it')
    began = time.monotonic()
    status = ask(scene.origin, '/first', UNIX)[0]
    took = (time.monotonic() - began) * 1000
    require(status == 200 and host.is_active(), f'{status}, {host.state()}')
    return f'the first request is answered {took:.0f} ms after it came to the sockets alone'

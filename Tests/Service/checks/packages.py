"""Upgrade, refused downgrade, removal."""
import hashlib
import os
import socket
import sqlite3
import tempfile
import time

import host
from checking import check, no_failures, require, wait_until
from checks.installed import install
from load import Load
from remains import Snapshot

QUIET = dict(os.environ, DEBIAN_FRONTEND='noninteractive')
ADDED = '\n# An operator was here.\n'


def version():
    return host.run('dpkg-query', '--show', '--showformat=${Version} ${db:Status-Abbrev}', 'connd', check=False).stdout


def requests_in_history():
    return sum(point['requests'] for point in host.connctl_json('history', '--all')['points'])


def overrides():
    return [(each['pattern'], each['setting'], each['value']) for each in host.connctl_json('diff')['items']]


def schema():
    with sqlite3.connect(f'file:{host.STATE}/connd.db?mode=ro', uri=True) as database:
        return database.execute('PRAGMA user_version').fetchone()[0]


def not_running():
    require(not host.processes(), f'still running: {host.processes()}')
    left = [address for address in host.OURS if address in host.listeners()]
    require(not left, f'still listening: {left}')


def nothing_left(scene):
    not_running()
    for database in ('passwd', 'group'):
        require(host.run('getent', database, 'connd', check=False).returncode != 0, f'connd is still in {database}')
    for unit in host.UNITS:
        found = host.properties(unit, 'LoadState', 'ActiveState')
        gone = found['LoadState'] == 'not-found' and found['ActiveState'] in ('inactive', 'failed')
        require(gone, f'{unit}: {found}')
    remains = Snapshot().since(scene.before)
    require(not remains, 'left behind:\n' + '\n'.join(remains))


@check('remove, purge')
def remove_and_purge(scene):
    host.run('dpkg', '--remove', 'connd', env=QUIET)
    not_running()
    for path in (host.CONFIG, f'{host.STATE}/connd.db'):
        require(os.path.exists(path), f'removing (without purging) took {path}')
    host.run('dpkg', '--purge', 'connd', env=QUIET)
    nothing_left(scene)
    return f'no process, listener, unit, user; {len(scene.before)} paths, and the files of /etc, as before'


@check('upgrade')
def upgrade(scene):
    host.run('dpkg', '--purge', 'connd', env=QUIET)
    install(scene.older)
    old = version()
    host.write_config(host.edited_config(host.read_config(), max_queue=257) + ADDED)
    host.systemctl('reload', 'connd')
    host.connctl('set', scene.origin, 'max_connections=9', '--reason', 'kept over an upgrade')
    with Load(scene.origins.urls, rate=200) as load:
        time.sleep(1)
        wait_until('history', lambda: requests_in_history() > 0, 20, 0.2)
        known, process, sockets = requests_in_history(), host.main_process(), socket_numbers()
        began = time.monotonic()
        install(scene.package)
        ended = time.monotonic()
        wait_until('the new version', lambda: host.main_process() not in (0, process), 5)
        time.sleep(0.5)
    no_failures(load)
    require(socket_numbers() == sockets, 'the upgrade opened the sockets anew')
    require((scene.origin, 'max_connections', '9') in overrides(), f'the override is gone: {overrides()}')
    require(requests_in_history() >= known, f'{known} requests in the history before, {requests_in_history()} after')
    require(host.read_config().endswith(ADDED), 'the edited configuration file was replaced')
    versions = f'{old.split()[0]} to {version().split()[0]}'
    return (f'{versions} in {ended - began:.1f} s; override, history ({known} requests) and edited file kept; '
            f'longest request {load.longest(began, ended) * 1000:.0f} ms; {load.summary()}')


def socket_numbers():
    """The listening sockets themselves: a new socket has another inode."""
    lines = host.run('ss', '-Hltne').stdout.splitlines()
    return sorted((line.split()[3], word) for line in lines for word in line.split()
                  if word.startswith('ino:') and line.split()[3] in host.OURS)


def digest():
    with open(f'{host.STATE}/connd.db', 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


@check('downgrade refused')
def downgrade(scene):
    before = (version(), host.main_process(), overrides(), schema())
    with Load(scene.origins.urls, rate=200) as load:
        time.sleep(0.3)
        result = host.run('dpkg', '--install', scene.older, check=False, env=QUIET)
        time.sleep(0.3)
    said = result.stdout + result.stderr
    require(result.returncode != 0, f'dpkg took the older package over a newer database\n{said}')
    require('newer' in said and f'{host.STATE}/connd.db' in said, f'the refusal does not say why:\n{said}')
    no_failures(load)
    after = (version(), host.main_process(), overrides(), schema())
    require(after == before, f'before {before}, after {after}')
    # The same with nothing that writes to it: what was stopped stays so, and not a byte changes.
    host.systemctl('stop', *host.UNITS)
    untouched = digest()
    host.run('dpkg', '--install', scene.older, check=False, env=QUIET)
    require(not host.processes(), 'the refused package started connd, which was stopped')
    require(digest() == untouched, 'the refused package changed the database')
    host.systemctl('start', *host.UNITS)
    reason = next((line.strip() for line in said.splitlines() if 'connd' in line and 'newer' in line), '')
    return f'"{reason[:120]}"; version, process, overrides, schema {schema()} as before; {load.summary()}'


def warned(result, *parts):
    said = result.stdout + result.stderr
    missing = [part for part in parts if part not in said]
    require(result.returncode == 0 and not missing, f'it ended with {result.returncode}, without {missing}:\n{said}')


def with_another_socket(package, address):
    """The package again, a version later and with one more address in connd.socket."""
    folder = tempfile.mkdtemp()
    host.run('dpkg-deb', '--raw-extract', package, f'{folder}/tree')
    with open(f'{folder}/tree/lib/systemd/system/connd.socket', 'a') as file:
        file.write(f'\n[Socket]\nListenStream={address}\n')
    host.run('sed', '-i', 's/^Version: .*/&.1/', f'{folder}/tree/DEBIAN/control')
    host.run('dpkg-deb', '-Znone', '--build', f'{folder}/tree', f'{folder}/connd.deb')
    return f'{folder}/connd.deb'


def all_active():
    return all(host.is_active(unit) for unit in host.UNITS)


@check('changed sockets')
def changed_sockets(scene):
    """What a new connd.socket says is opened, also where systemd was made to read it before, by another package."""
    another = '127.0.0.1:3130'
    changed = with_another_socket(scene.package, another)
    host.run('dpkg', '--unpack', changed, env=QUIET)
    host.systemctl('daemon-reload')
    host.run('dpkg', '--configure', 'connd', env=QUIET)
    require(another in host.listeners() and all_active(), f'not listened on: {another} of the new connd.socket')
    # What runs without being enabled is stopped for it, and must run again.
    host.systemctl('disable', *host.UNITS)
    host.run('dpkg', '--install', scene.package, env=QUIET)
    require(another not in host.listeners(), f'still listened on: {another} of the former connd.socket')
    require(all_active(), 'connd ran without being enabled, and an upgrade has stopped it')
    require(not os.path.exists('/run/connd-sockets.before'), 'the note of the former sockets was left behind')
    host.systemctl('enable', *host.UNITS)
    return f'{another} opened, closed again, and running as before without being enabled'


@check('taken port')
def taken_port(scene):
    """Somebody else's port keeps connd from nothing but that port, and the installation says so."""
    host.run('dpkg', '--purge', 'connd', env=QUIET)
    with socket.create_server(('127.0.0.1', 3128)):
        result = host.run('dpkg', '--install', scene.package, check=False, env=QUIET)
        warned(result, 'WARNING: connd.socket does not listen (127.0.0.1:3128: Address already in use)', 'ss -ltnp')
        require(host.is_active(), 'the service does not run')
    host.systemctl('stop', 'connd')
    host.systemctl('start', 'connd')
    missing = [address for address in host.OURS if 'systemd' not in host.listeners().get(address, ())]
    require(all_active() and not missing, f'not opened by what the warning says: {missing}')
    return 'said, and opened by what it says'


@check('remove while enabled')
def remove_while_enabled(scene):
    """The host's programs forget connd; what cannot be taken back is said."""
    host.connctl('enable')
    apt = '/etc/apt/apt.conf.d/30connd'
    with open(apt) as file:
        text = file.read()
    with open(apt, 'w') as file:
        file.write('// An operator was here.\n' + text)
    warned(host.run('dpkg', '--remove', 'connd', check=False, env=QUIET), f'WARNING: {apt}', 'until they are restarted')
    left = [path for path in ('/etc/profile.d/connd.sh', '/etc/gitconfig', '/etc/systemd/system.conf.d/50-connd.conf')
            if os.path.exists(path) and path not in scene.before.paths]
    require(not left, f'still there: {left}')
    os.remove(apt)
    install(scene.package)
    return f'shell, git, services; {apt}, which was edited, is named'


@check('purge of a mount')
def purge_mount(scene):
    """A mount point cannot be removed: it is emptied."""
    host.systemctl('stop', *host.UNITS)
    host.run('mount', '-t', 'tmpfs', 'tmpfs', host.STATE)
    host.systemctl('start', *host.UNITS)
    wait_until('the database', lambda: os.path.exists(f'{host.STATE}/connd.db'))
    try:
        host.run('dpkg', '--purge', 'connd', env=QUIET)
        require(os.listdir(host.STATE) == [], f'left in it: {os.listdir(host.STATE)}')
    finally:
        host.run('umount', host.STATE)
    os.rmdir(host.STATE) if os.listdir(host.STATE) == [] else host.run('rm', '-rf', host.STATE)
    nothing_left(scene)
    install(scene.package)
    return 'emptied, and nothing else left'


@check('purge while it fails')
def purge(scene):
    """At once, while systemd tries again and again to start it."""
    host.write_config('setings: {}\n')
    require(host.systemctl('restart', 'connd', check=False).returncode != 0, 'it starts with a bad file')
    host.run('dpkg', '--purge', 'connd', env=QUIET)
    nothing_left(scene)
    return 'in the middle of its tries: nothing left behind either'

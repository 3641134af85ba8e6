"""What an installation leaves: units, sockets, account, files."""
import glob
import os
import pwd
import re
import stat
import time

import host
from checking import check, require, wait_until
from load import Load
from remains import Snapshot


def install(package):
    """Seconds it took."""
    began = time.monotonic()
    host.run('dpkg', '--install', package, env=dict(os.environ, DEBIAN_FRONTEND='noninteractive'))
    seconds = time.monotonic() - began
    for unit in host.UNITS:
        enabled = host.systemctl('is-enabled', unit, check=False).stdout.strip()
        require(enabled == 'enabled', f'{unit} is {enabled} after the installation')
        require(host.is_active(unit), f'{unit} is not active after the installation')
    return seconds


@check('install')
def installed(scene):
    if host.run('dpkg-query', '--show', 'connd', check=False).returncode == 0:
        host.run('dpkg', '--purge', 'connd')
    scene.before = Snapshot()
    seconds = install(scene.package)
    version = host.run('dpkg-query', '--show', '--showformat=${Version}', 'connd').stdout
    size = os.path.getsize(scene.package) / 1e6
    binaries = {name: os.path.getsize(path) / 1e6
                for name, path in (('connd', '/usr/sbin/connd'), ('connctl', '/usr/bin/connctl'))}
    sizes = ', '.join(f'{name} {megabytes:.1f} MB' for name, megabytes in binaries.items())
    return f'connd {version} in {seconds:.1f} s; package {size:.1f} MB, {sizes}; units enabled and active'


@check('sockets')
def sockets(scene):
    """systemd holds each socket, and connd has it from there instead of one of its own."""
    found = host.listeners()
    for address in host.OURS:
        require(address in found, f'nothing listens at {address}: {found}')
        require({'systemd', 'connd'} <= found[address], f'{address} is held by {found[address]}, not systemd and connd')
    modes = {}
    for path, mode, group in (('/run/connd/proxy.sock', 0o666, None), ('/run/connd/admin.sock', 0o660, 'connd')):
        seen = os.stat(path)
        modes[os.path.basename(path)] = oct(stat.S_IMODE(seen.st_mode))[2:]
        require(stat.S_IMODE(seen.st_mode) == mode, f'{path} has mode {modes[os.path.basename(path)]}')
        if group:
            require((seen.st_uid, seen.st_gid) == (0, pwd.getpwnam('connd').pw_gid), f'{path} is not of root:{group}')
    directory = os.stat('/run/connd')
    require(directory.st_mode & 0o055 == 0o055, '/run/connd is not open to all')
    return f'{len(host.OURS)} listening, all by systemd; modes ' + ', '.join(f'{k} {v}' for k, v in modes.items())


@check('account and files')
def account(scene):
    process = host.main_process()
    with open(f'/proc/{process}/status') as file:
        status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
    user = pwd.getpwnam('connd')
    require(status['Uid'].split() == [str(user.pw_uid)] * 4, f'it runs as {status["Uid"]}')
    require(status['Gid'].split() == [str(user.pw_gid)] * 4, f'it runs in group {status["Gid"]}')
    require(status['NoNewPrivs'] == '1', 'NoNewPrivs is off')
    require(status['Seccomp'] == '2', 'no system call filter')
    for kind in ('CapEff', 'CapPrm', 'CapBnd', 'CapAmb'):
        require(int(status[kind], 16) == 0, f'{kind} is {status[kind]}')
    modes = {}
    for path in glob.glob(f'{host.STATE}/*') + [host.STATE]:
        seen = os.stat(path)
        modes[os.path.basename(path)] = stat.S_IMODE(seen.st_mode)
        require(seen.st_uid == user.pw_uid, f'{path} is not of connd')
        require(not seen.st_mode & 0o027, f'{path} has mode {stat.S_IMODE(seen.st_mode):o}')
    require('connd.db' in modes and 'admin.token' in modes, f'{host.STATE} holds {sorted(modes)}')
    require(modes['admin.token'] == 0o600, f'admin.token has mode {modes["admin.token"]:o}')
    require(host.run('setpriv', '--reuid=65534', '--clear-groups', 'cat', f'{host.STATE}/admin.token',
                     check=False).returncode != 0, 'nobody can read the token')
    settings = os.stat(host.CONFIG)
    require(settings.st_uid == 0 and not settings.st_mode & 0o022, f'{host.CONFIG} may be written by others than root')
    shown = ', '.join(f'{name} {mode:o}' for name, mode in sorted(modes.items()))
    return f'user connd, no capabilities, NoNewPrivs, seccomp; {shown}'


@check('hardening')
def hardening(scene):
    text = host.run('systemd-analyze', 'security', '--no-pager', 'connd').stdout
    exposure = float(re.search(r'Overall exposure level for connd\.service: ([\d.]+)', text).group(1))
    require(exposure <= 2.0, f'systemd-analyze security: {exposure}\n{text}')
    paths = [host.properties(unit, 'FragmentPath')['FragmentPath'] for unit in host.UNITS]
    verified = host.run('systemd-analyze', 'verify', *paths)
    require(not verified.stdout + verified.stderr, f'systemd-analyze verify says\n{verified.stdout}{verified.stderr}')
    limits = host.properties('connd.service', 'MemoryMax', 'TasksMax', 'LimitNOFILE', 'TimeoutStopUSec')
    for name in ('MemoryMax', 'TasksMax'):
        require(limits[name] not in ('infinity', ''), f'{name} is {limits[name]}')
    return f'exposure {exposure} (at most 2.0), verify clean; ' + ', '.join(f'{k} {v}' for k, v in limits.items())


@check('start')
def start(scene):
    """From the start of the process to READY=1, and what it then takes."""
    times = []
    for _ in range(3):
        host.systemctl('restart', 'connd')
        began, ready = 'ExecMainStartTimestampMonotonic', 'ActiveEnterTimestampMonotonic'
        found = host.properties('connd.service', began, ready)
        times.append((int(found[ready]) - int(found[began])) / 1000)
    require(min(times) < 300, f'ready after {times} ms')
    resident, own = host.memory(host.main_process())
    shown = ', '.join(f'{each:.0f}' for each in times)
    return f'ready after {shown} ms; at rest {resident:.1f} MiB resident, {own:.1f} MiB proportional'


STATUS = re.compile(r'Status: "(\d+ origins?, \d+ connections? \(\d+ busy\), [\d.]+% reuse, [\d.]+ requests?/s)"')


@check('status line')
def status_line(scene):
    with Load(scene.origins.urls, rate=100) as load:
        def told():
            text = host.systemctl('status', 'connd', check=False).stdout
            found = STATUS.search(text)
            # Until the line is of this load.
            return found and not found.group(1).startswith('0 origins') and found.group(1)

        line = wait_until('a STATUS line with figures of the load', told, 20, 0.2)
    require(not load.failures(), load.explain())
    return f'"{line}"'

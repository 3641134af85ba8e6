"""The host under test: its systemd, its journal, its sockets, and connd as an operator sees it."""
import glob
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

from checking import Failed, require, wait_until
from load import has_ipv6

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = '/etc/connd/connd.yaml'
STATE = '/var/lib/connd'
UNITS = ['connd.service', 'connd.socket', 'connd-admin.socket']
ADMIN = 'http://127.0.0.1:3129'
# The network of the namespace is one loopback. Clients that spare local addresses the proxy need one that is not.
FAR_ADDRESS = '198.18.0.1'


def run(*command, check=True, timeout=90, **options):
    """The finished process, its output as text; Failed unless it ended with 0, where `check` holds."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=timeout, **options)
    if check and result.returncode != 0:
        raise Failed(f'{" ".join(command)}: exit code {result.returncode}\n{result.stdout}{result.stderr}'.rstrip())
    return result


def systemctl(*arguments, **options):
    return run('systemctl', '--no-pager', *arguments, **options)


def properties(unit, *names):
    lines = systemctl('show', unit, *(f'--property={name}' for name in names)).stdout.splitlines()
    return dict(line.split('=', 1) for line in lines)


def main_process():
    return int(properties('connd.service', 'MainPID')['MainPID'])


def state():
    return properties('connd.service', 'ActiveState')['ActiveState']


def is_active(unit='connd.service'):
    return properties(unit, 'ActiveState')['ActiveState'] == 'active'


def wait_for_another(old, seconds=20.0):
    """The main process after `old`, once the service is up again; a start that systemd holds back counts as down."""
    def another():
        found = properties('connd.service', 'MainPID', 'ActiveState')
        process = int(found['MainPID'])
        return process if found['ActiveState'] == 'active' and process not in (0, old) else 0

    return wait_until(f'another main process than {old}', another, seconds)


def connctl(*arguments, **options):
    return run('connctl', *arguments, **options)


def connctl_json(*arguments):
    return json.loads(connctl(*arguments, '-o', 'json').stdout)


def fetch(url, timeout=5.0):
    """Directly, whatever the environment says."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=timeout) as answer:
        return answer.read().decode()


def metrics():
    found = {}
    for line in fetch(f'{ADMIN}/metrics').splitlines():
        if line and not line.startswith('#'):
            name, value = line.rsplit(' ', 1)
            found[name] = float(value)
    return found


def ended(how):
    name = f'connd_runs_ended_total{{end="{how}"}}'
    found = metrics()
    require(name in found, f'/metrics has no {name}')
    return found[name]


def journal(*matches, since=None, unit='connd'):
    run('journalctl', '--sync')
    times = [f'--since=@{since:.6f}'] if since else []
    text = run('journalctl', '--no-pager', '--output=json', f'--unit={unit}', *times, *matches).stdout
    return [json.loads(line) for line in text.splitlines() if line.startswith('{')]


def messages(entries):
    return '\n'.join(str(each.get('MESSAGE')) for each in entries)


def listeners():
    """Who holds each listening socket: {'127.0.0.1:3128': {'connd', 'systemd'}, …}."""
    found = {}
    for line in run('ss', '-Hltnp').stdout.splitlines() + run('ss', '-Hlxp').stdout.splitlines():
        address = next((word for word in line.split() if re.search(r':\d+$|^/', word)), None)
        if address:
            found.setdefault(address, set()).update(re.findall(r'\("([^"]+)"', line))
    return found


OURS = ['127.0.0.1:3128', '127.0.0.1:3129', '/run/connd/proxy.sock', '/run/connd/admin.sock']
OURS += ['[::1]:3128'] * has_ipv6()


def processes():
    """The numbers of all that run connd's program."""
    found = []
    for path in glob.glob('/proc/[0-9]*/exe'):
        try:
            if os.path.basename(os.readlink(path)).split(' ')[0] == 'connd':
                found.append(int(path.split('/')[2]))
        except OSError:
            pass
    return found


def memory(process):
    """Resident and proportional size in MiB."""
    with open(f'/proc/{process}/smaps_rollup') as file:
        sizes = dict(re.findall(r'^(\w+):\s+(\d+) kB', file.read(), re.MULTILINE))
    return int(sizes['Rss']) / 1024, int(sizes['Pss']) / 1024


def edited_config(shipped, listen=(), **settings):
    """The shipped file with further proxy listeners, and with other values of settings."""
    if listen:
        addresses = ', '.join(f'"{address}"' for address in listen)
        # Appended to the addresses that are given, or given together with the defaults.
        given = re.compile(r'(?m)^(proxy:\n(?:[ #].*\n)*?  listen: \[.*)\]$')
        if given.search(shipped):
            shipped = given.sub(rf'\g<1>, {addresses}]', shipped, count=1)
        else:
            line = f'  listen: ["127.0.0.1:3128", "[::1]:3128", {addresses}]'
            shipped = re.sub(r'(?m)^proxy:$', f'proxy:\n{line}', shipped)
        require(addresses in shipped, f'{CONFIG} has no proxy:')
    for name, value in settings.items():
        shipped, count = re.subn(rf'(?m)^(  {name}:) \S+', rf'\g<1> {value}', shipped, count=1)
        require(count == 1, f'{CONFIG} has no {name}')
    return shipped


def read_config():
    with open(CONFIG) as file:
        return file.read()


def write_config(text):
    with open(CONFIG, 'w') as file:
        file.write(text)


class DropIn:
    """Properties of connd.service that hold for a while; the service is restarted with them, and once more without."""

    def __init__(self, **settings):
        self.path = '/run/systemd/system/connd.service.d/50-service-test.conf'
        self.text = '[Service]\n' + ''.join(f'{name}={value}\n' for name, value in settings.items())

    def __enter__(self):
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, 'w') as file:
            file.write(self.text)
        systemctl('daemon-reload')
        systemctl('restart', 'connd')

    def __exit__(self, *_):
        os.remove(self.path)
        os.rmdir(os.path.dirname(self.path))
        systemctl('daemon-reload')
        systemctl('restart', 'connd')


class Origins:
    """origin.py in a process of its own, until close()."""

    def __init__(self, count, bind='127.0.0.1'):
        self.process = subprocess.Popen([sys.executable, f'{HERE}/origin.py', '--origins', str(count), '--bind', bind],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started = json.loads(self.process.stdout.readline())
        self.control = f'http://127.0.0.1:{started["control"]}/stats'
        self.urls = [f'http://{bind}:{port}' for port in started['ports']]

    def stats(self):
        by_port = json.loads(fetch(self.control))
        return {url: by_port[url.rsplit(':', 1)[1]] for url in self.urls}

    def since(self, moment):
        """The connections that each accepted after that time.time()."""
        return {url: [each for each in seen['connections'] if each['accepted'] >= moment]
                for url, seen in self.stats().items()}

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)


class Scene:
    """What the checks share."""

    def __init__(self, package, older):
        self.package, self.older = package, older
        run('ip', 'address', 'add', f'{FAR_ADDRESS}/32', 'dev', 'lo')
        self.origins = Origins(3)
        self.far_origins = Origins(1, bind=FAR_ADDRESS)
        self.before = None   # what was on the file system before the package

    @property
    def origin(self):
        return self.origins.urls[0]

    def close(self):
        self.origins.close()
        self.far_origins.close()


def now():
    return time.time()

"""connctl enable and disable: the programs of the host go through connd, and then no longer."""
import os
import re

import host
from checking import check, require

LOGIN = {'HOME': '/root', 'PATH': os.environ['PATH'], 'LANG': 'C.UTF-8'}


def login(script, check=True):
    return host.run('bash', '--login', '-c', script, env=LOGIN, check=check).stdout.strip()


def through(scene):
    """Whether curl from a login shell goes through connd."""
    answer = login(f'curl --silent --include --max-time 5 {scene.far_origins.urls[0]}/enabled')
    require(' 200 ' in answer.split('\n')[0] and answer.endswith('/enabled'), f'curl got {answer!r}')
    return re.search(r'(?mi)^via: .*connd', answer) is not None


def seen():
    """What a login shell, apt, git and a new service are told."""
    return {
        'shell': login('echo "${http_proxy:-}"'),
        'apt': ' '.join(re.findall(r'(?m)^Acquire::https?::Proxy\S* .*', host.run('apt-config', 'dump').stdout)),
        'git': host.run('git', 'config', '--system', 'http.proxy', check=False).stdout.strip(),
        'services': ' '.join(re.findall(r'(?m)^http_proxy=(.*)', host.run(
            'systemd-run', '--quiet', '--pipe', '--wait', '--collect', 'env').stdout)),
    }


@check('enable, disable')
def enable_disable(scene):
    before = seen()
    require(not any(before.values()) and not through(scene), f'on before it was turned on: {before}')
    host.connctl('enable')
    on = seen()
    for name in ('shell', 'git', 'services'):
        require('3128' in on[name], f'{name} is told {on[name]!r} after connctl enable')
    require('connd' in on['apt'] or '3128' in on['apt'], f'apt is told {on["apt"]!r}')
    require(through(scene), 'curl from a login shell does not go through connd')
    require('HTTP_PROXY' not in login('env'), 'HTTP_PROXY is set, which a CGI takes from its client')
    host.connctl('enable')
    require(seen() == on, 'enabling twice is not enabling once')
    # connd itself must not go through connd.
    host.systemctl('restart', 'connd')
    require(through(scene), 'connd does not work with the variables of the host')
    host.connctl('disable')
    off = seen()
    require(not any(off.values()) and not through(scene), f'still on after connctl disable: {off}')
    told = ', '.join(f'{name} {value}' for name, value in on.items() if name != 'apt')
    return f'{told}; apt, curl; and all off again'

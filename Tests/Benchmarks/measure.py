"""What the benchmark programs share: who serves a port, its CPU time and memory, and rounds of wrk through proxies."""
import os
import re
import resource
import socket
import statistics
import subprocess
import tempfile
import time

TICK = os.sysconf('SC_CLK_TCK')


def listeners(port):
    """The ids of the processes that listen on this TCP port (those of other users only for root)."""
    out = subprocess.run(['ss', '-Hltnp', f'sport = :{port}'], capture_output=True, text=True, check=True).stdout
    return {int(pid) for pid in re.findall(r'pid=(\d+)', out)}


def family(pids):
    """These processes and all their descendants."""
    children = {}
    for entry in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{entry}/stat') as file:
                children.setdefault(int(file.read().rsplit(')', 1)[1].split()[1]), []).append(int(entry))
        except OSError:
            pass
    seen, todo = set(), list(pids)
    while todo:
        pid = todo.pop()
        if pid not in seen:
            seen.add(pid)
            todo += children.get(pid, [])
    return seen


def task_nanoseconds(pid, task):
    try:
        with open(f'/proc/{pid}/task/{task}/schedstat') as file:
            return int(file.read().split()[0])
    except OSError:
        return 0


def cpu_seconds(pids):
    """User and system time so far. schedstat counts nanoseconds but forgets threads that ended, stat keeps those
    but counts ticks: the larger of the two."""
    total = 0.0
    for pid in pids:
        try:
            exact = sum(task_nanoseconds(pid, task) for task in os.listdir(f'/proc/{pid}/task'))
            with open(f'/proc/{pid}/stat') as file:
                fields = file.read().rsplit(')', 1)[1].split()
            ticks = (int(fields[11]) + int(fields[12])) / TICK
            total += max(exact / 1e9, ticks - 2 / TICK)
        except OSError:
            pass
    return total


def memory(pids):
    """Proportional and resident bytes of these processes together."""
    total = {'pss': 0, 'rss': 0}
    for pid in pids:
        try:
            with open(f'/proc/{pid}/smaps_rollup') as file:
                for line in file:
                    name, _, rest = line.partition(':')
                    if name.lower() in total:
                        total[name.lower()] += int(rest.split()[0]) * 1024
        except OSError:
            pass
    return total


def allow_files(count):
    """Raises this process's limit on open files to at least `count`, where the hard limit lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= count:
        return
    if hard < count:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
            return
        except (ValueError, OSError):
            raise SystemExit(f'needs {count} open files, the hard limit is {hard}: run it as root or raise the limit')
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def free_port():
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def wait_listening(port, process=None, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise SystemExit(f'{process.args[0]} ended with {process.returncode} before it listened on {port}')
        try:
            socket.create_connection(('127.0.0.1', port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f'nothing listens on 127.0.0.1:{port} after {seconds} s')


def end(process, seconds=10):
    """Ends a process that the caller started, politely at first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


LUA = '''
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64)"
wrk.headers["Accept"] = "text/html,application/json;q=0.9,*/*;q=0.8"
wrk.headers["Accept-Encoding"] = "gzip, deflate"
wrk.headers["Host"] = "{host}"
wrk.headers["X-Request-Id"] = "0123456789abcdef"
request = function() return wrk.format("GET", "{url}") end
'''


def wrk(port, url, conns, secs, pin=False):
    """One run of wrk through the proxy on `port`: rates, latencies in microseconds, the proxy's CPU time a request,
    its memory, and every answer that was not a success."""
    with tempfile.NamedTemporaryFile('w', suffix='.lua') as script:
        script.write(LUA.format(host=url.split('/')[2], url=url))
        script.flush()
        command = ['taskset', '-c', '1'] if pin else []
        command += ['wrk', '-t1', f'-c{conns}', f'-d{secs}s', '--latency', '-s', script.name]
        command.append(f'http://127.0.0.1:{port}/')
        pids = family(listeners(port))
        before = cpu_seconds(pids)
        done = subprocess.run(command, capture_output=True, text=True, timeout=secs + 30)
        used = cpu_seconds(pids) - before
    counted = re.search(r'(\d+) requests in', done.stdout)
    if not counted:
        raise SystemExit(f'wrk failed on port {port}: {done.stdout}{done.stderr}')
    return dict(parse_wrk(done.stdout), us=used / max(int(counted[1]), 1) * 1e6, **memory(pids))


def parse_wrk(text):
    def latency(percent):
        found = re.search(rf'\b{percent}%\s+([\d.]+)(us|ms|s|m)\b', text)
        return float(found[1]) * {'us': 1, 'ms': 1e3, 's': 1e6, 'm': 6e7}[found[2]] if found else float('nan')

    rate = re.search(r'Requests/sec:\s+([\d.]+)', text)
    non2xx = re.search(r'Non-2xx or 3xx responses: (\d+)', text)
    sockets = re.search(r'Socket errors: (.*)', text)
    return {
        'requests': int(re.search(r'(\d+) requests in', text)[1]),
        'rps': float(rate[1]) if rate else 0.0,
        'p50': latency(50),
        'p99': latency(99),
        'non2xx': int(non2xx[1]) if non2xx else 0,
        'sockets': sockets[1] if sockets else '',
    }


def rounds(proxies, url, conns, secs, count, pin=False, say=lambda text: None):
    """Interleaved rounds (A B C, A B C, ...), so that a change of the machine's mood meets all alike.
    `proxies` maps names to ports; answers name -> list of samples."""
    if pin:
        for port in proxies.values():
            for pid in family(listeners(port)):
                subprocess.run(['taskset', '-acp', '0', str(pid)], capture_output=True)
    for port in proxies.values():
        wrk(port, url, conns, 1, pin)
    samples = {name: [] for name in proxies}
    for number in range(count):
        say(f'round {number + 1} of {count}')
        for name, port in proxies.items():
            samples[name].append(wrk(port, url, conns, secs, pin))
    return samples


def median(samples, key):
    return statistics.median(sample[key] for sample in samples)


def failures(samples):
    """What went wrong in these samples, in words; empty when every answer was a success."""
    parts = []
    bad = sum(sample['non2xx'] for sample in samples)
    if bad:
        parts.append(f'{bad} answers were not 2xx')
    parts += sorted({sample['sockets'] for sample in samples if sample['sockets']})[:1]
    if any(sample['requests'] == 0 for sample in samples):
        parts.append('a round without one answer')
    return ', '.join(parts)


def table(samples, base=None):
    """The rows of one scenario: medians, the range of rate and CPU time, and ratios to the proxy named `base`."""
    def ratio(name, key):
        if not samples.get(base):
            return '-'
        reference = median(samples[base], key)
        return f'{median(samples[name], key) / reference:.2f}' if reference > 0 else '-'

    def spread(name, key, digits):
        values = [sample[key] for sample in samples[name]]
        return f'{min(values):.{digits}f}-{max(values):.{digits}f}'

    title = f'/{base}' if base else 'ratio'
    lines = [f'{"proxy":14} {"req/s":>8} {"min-max":>15} {title:>8} {"p50 us":>8} {"p99 us":>8} '
             f'{"cpu us/req":>10} {"min-max":>15} {title:>8} {"PSS MiB":>8}']
    for name in samples:
        lines.append(f'{name:14} {median(samples[name], "rps"):8.0f} {spread(name, "rps", 0):>15} '
                     f'{ratio(name, "rps"):>8} {median(samples[name], "p50"):8.0f} {median(samples[name], "p99"):8.0f} '
                     f'{median(samples[name], "us"):10.1f} {spread(name, "us", 1):>15} {ratio(name, "us"):>8} '
                     f'{median(samples[name], "pss") / 2**20:8.1f}')
        wrong = failures(samples[name])
        if wrong:
            lines.append(f'{"":14} ^ {wrong}')
    return lines

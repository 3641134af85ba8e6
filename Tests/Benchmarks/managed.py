"""A connd of a script's own, with an admin API and a state folder that outlives it; and an origin for it to talk to."""
import http.client
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def binary(name):
    return os.environ.get(name.upper()) or os.path.join(ROOT, '.build', 'release', name)


class Connd:
    """Started with its state in `folder`; `database` is a path there unless given."""

    def __init__(self, folder, config='', database=None, arguments=()):
        self.folder = folder
        self.database = database or os.path.join(folder, 'connd', 'connd.db')
        self.config = os.path.join(folder, 'connd.yaml')
        if config is not None:
            with open(self.config, 'w') as file:
                file.write(config)
        self.arguments = list(arguments)
        self.start()

    def start(self):
        self.log_path = os.path.join(self.folder, 'connd.log')
        began = time.monotonic()
        self.process = subprocess.Popen(
            [binary('connd'), '--config', self.config, '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0',
             '--database', self.database] + self.arguments,
            stderr=open(self.log_path, 'w'), env=dict(os.environ, XDG_STATE_HOME=self.folder))
        while True:
            text = self.log_text()
            if ' info ready ' in text:
                break
            if self.process.poll() is not None:
                raise SystemExit('connd did not start: ' + text)
            time.sleep(0.005)
        self.start_seconds = time.monotonic() - began
        self.port = int(re.search(r'info listening address=127\.0\.0\.1:(\d+)', text).group(1))
        self.admin = int(re.search(r'admin API listens address=127\.0\.0\.1:(\d+)', text).group(1))
        self.token = open(os.path.join(self.folder, 'connd', 'admin.token')).read().strip()

    def log_text(self):
        with open(self.log_path) as file:
            return file.read()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def call(self, method, path, body=None, headers=None, timeout=30):
        """Status, headers and the decoded body of one request to the admin API."""
        connection = http.client.HTTPConnection('127.0.0.1', self.admin, timeout=timeout)
        sent = {'Authorization': 'Bearer ' + self.token}
        data = None
        if body is not None:
            data = json.dumps(body)
            sent['Content-Type'] = 'application/json'
        sent.update(headers or {})
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            text = answer.read()
            if 'json' in answer.headers.get('Content-Type', ''):
                return answer.status, answer.headers, json.loads(text)
            return answer.status, answer.headers, text.decode()
        finally:
            connection.close()

    def set(self, pattern, settings, **more):
        return self.call('PATCH', '/v1/settings/' + urllib.parse.quote(pattern, safe=''),
                         dict(settings=settings, **more))

    def connctl(self, *arguments, input=None):
        return subprocess.run(
            [binary('connctl')] + list(arguments), capture_output=True, text=True, input=input,
            env=dict(os.environ, XDG_STATE_HOME=self.folder, CONNCTL_ADMIN=f'http://127.0.0.1:{self.admin}'))

    def memory(self, name='VmRSS'):
        """In KiB."""
        for line in open(f'/proc/{self.process.pid}/status'):
            if line.startswith(name + ':'):
                return int(line.split()[1])


class Origin:
    """Answers every request on each of its addresses at once."""

    def __init__(self, addresses=('127.0.0.1',)):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                self.send_response(200)
                self.send_header('Content-Length', '6')
                self.end_headers()
                self.wfile.write(b'hello\n')

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 1024
            daemon_threads = True

        self.server = Server((addresses[0], 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def get(proxy, url, timeout=30):
    """The status of a GET through the proxy."""
    host = urllib.parse.urlsplit(url).netloc
    connection = http.client.HTTPConnection('127.0.0.1', proxy, timeout=timeout)
    try:
        connection.request('GET', url, headers={'Host': host, 'Connection': 'close'})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()

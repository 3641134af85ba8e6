"""What a package leaves on the file system: two snapshots compared."""
import hashlib
import os
import re

PLACES = ['/etc', '/usr', '/var', '/opt', '/srv', '/run', '/root', '/home', '/lib', '/bin', '/sbin']
# What dpkg, systemd and the account tools write for themselves, whatever is installed.
NOT_OURS = re.compile(
    r'/var/(log|cache|tmp|lib/dpkg|lib/systemd|lib/apt)/|/run/(systemd|log|udev|lock|credentials|initctl|dbus|utmp)'
    r'|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|/etc/\.pwd\.lock$|/etc/ld\.so\.cache$|/usr/lib/locale/'
    r'|/root/\.cache')
NAMED = re.compile(r'connd|connctl')
# man-db's cache of pages that somebody read, which it empties itself; `systemd-analyze verify` reads them.
READ = re.compile(r'/var/cache/man/(\w+/)?cat\d/')


class Snapshot:
    """The paths of the system, and what the files of /etc hold."""

    def __init__(self):
        self.paths, self.contents = set(), {}
        for place in PLACES:
            if os.path.islink(place):
                continue
            for folder, folders, files in os.walk(place):
                self.paths.update(os.path.join(folder, name) for name in folders + files)
        for path in self.paths:
            if path.startswith('/etc/') and os.path.isfile(path) and not os.path.islink(path):
                with open(path, 'rb') as file:
                    self.contents[path] = hashlib.sha256(file.read()).hexdigest()

    def __len__(self):
        return len(self.paths)

    def since(self, earlier):
        """What is there now and was not, and what was changed or lost, but for what is not a package's."""
        added = {path for path in self.paths - earlier.paths if not READ.match(path)}
        lost = earlier.paths - self.paths
        changed = {path for path, digest in self.contents.items() if earlier.contents.get(path, digest) != digest}
        ours = [f'new {path}' for path in added if NAMED.search(os.path.basename(path)) or not NOT_OURS.match(path)]
        ours += [f'lost {path}' for path in lost if not NOT_OURS.match(path)]
        ours += [f'changed {path}' for path in changed if not NOT_OURS.match(path)]
        return sorted(ours)

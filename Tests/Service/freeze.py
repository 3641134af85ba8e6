#!/usr/bin/env python3
"""Stops one thread of a process, its main one, by ptrace(2), as if it were stuck, while its other threads go on.

Prints "frozen" once it is. A stuck thread would still die of a fatal signal and a traced one does not take it, so the
thread is let go as soon as one is pending. Exit code 0: the process died; 1: it was still there after the time given,
and runs again; 2: it could not be stopped."""
import argparse
import ctypes
import os
import re
import signal
import sys
import time

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000
FATAL = sum(1 << (number - 1) for number in (signal.SIGABRT, signal.SIGKILL))

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) < 0:
        sys.stderr.write(f'freeze.py: ptrace {request:#x} of {thread}: {os.strerror(ctypes.get_errno())}\n')
        sys.exit(2)


def dies_of_a_signal(process):
    with open(f'/proc/{process}/status') as file:
        pending = re.findall(r'^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)', file.read(), re.MULTILINE)
    return any(int(mask, 16) & FATAL for mask in pending)


def died(process):
    """Until its tracer has seen this, the parent of the process is not told."""
    which, status = os.waitpid(process, WALL | os.WNOHANG)
    return which == process and (os.WIFSIGNALED(status) or os.WIFEXITED(status))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('process', type=int, help='its number is also that of its main thread, the data loop of connd')
parser.add_argument('--seconds', type=float, default=30)
options = parser.parse_args()

end = time.monotonic() + options.seconds
ptrace(PTRACE_SEIZE, options.process)
ptrace(PTRACE_INTERRUPT, options.process)
os.waitpid(options.process, WALL)
print('frozen', flush=True)
while time.monotonic() < end:
    if died(options.process):
        sys.exit(0)
    if dies_of_a_signal(options.process):
        ptrace(PTRACE_DETACH, options.process)
        sys.exit(0)
    time.sleep(0.02)
ptrace(PTRACE_DETACH, options.process)
print('not killed', flush=True)
sys.exit(1)

"""What a check is: a function that returns its figures, or raises Failed. They run in the order of declaration."""
import time

CHECKS = []  # (name, function)


class Failed(Exception):
    pass


def check(name):
    def add(function):
        CHECKS.append((name, function))
        return function

    return add


def require(condition, text):
    if not condition:
        raise Failed(text)


def wait_until(what, condition, seconds=10.0, step=0.02):
    """What `condition` returned once it is true."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Failed(f'not within {seconds:g} s: {what}')
        time.sleep(step)


def no_failures(load):
    require(load.outcomes, 'the load made no request')
    require(not load.failures(), f'{load.summary()}\n{load.explain()}')

"""A trial: one line of a table, played once. What the steps of a line hit, each kind of trial says for itself."""

import pathlib
import random
import re
import time

LIMIT = 240  # seconds until a step must have come about


class Failed(Exception):
    """A trial did not end as it should."""


class Trial:
    """Steps are methods: `do_VERB` takes the words after the verb; verbs in `EACH` hit each machine that is named."""

    EACH = {}  # verb: method of a machine
    limit = LIMIT

    def __init__(self, line, number, seed):
        self.line, self.number = line, number
        self.random = random.Random(f"{seed}/{line['name']}/{number}")
        self.since = 0.0
        self.ready_after = None

    # what a kind of trial has besides: `names`, `machine(name)`, `consoles()`, `check()`, `close()`

    def play(self):
        for step in self.line["steps"]:
            # {a|b|c}: the repetition's own
            step = re.sub(r"\{([^}]*)\}", lambda found: self.pick(found.group(1).split("|")), step)
            verb, *words = step.split()
            if verb in self.EACH:
                for name in self.which(words):
                    getattr(self.machine(name), self.EACH[verb])()
                self.since = time.monotonic()
            else:
                getattr(self, f"do_{verb}")(words)

    def pick(self, choices):
        return choices[self.number % len(choices)]

    def which(self, words):
        return self.names if words == ["all"] or not words else words

    def do_pause(self, words):
        low, _, high = words[0].partition("~")
        time.sleep(self.random.uniform(float(low), float(high or low)))

    def wait(self, what, condition, limit=None, pause=0.1):
        limit = limit or self.limit
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end:
                raise Failed(f"not within {limit} s: {what}; last said: {self.last_said()}")
            time.sleep(pause)

    def keeps(self, name, pattern, said):
        """Waits until `said()` matches, and still does three seconds later."""
        for _ in range(10):
            self.wait(f"{name} says `{pattern}`", lambda: re.search(pattern, said()))
            time.sleep(3)
            if re.search(pattern, said()):
                return
        raise Failed(f"{name} does not keep to `{pattern}`: {said()}")

    def keep(self, folder):
        """What there is to be read of a trial that failed."""
        for name, text in self.consoles().items():
            (pathlib.Path(folder) / f"{name}.log").write_text(text)

    def no_secret(self):
        for name, text in self.consoles().items():
            if re.search(r"PRIVATE KEY|BEGIN CERT|client-key-data", text):
                raise Failed(f"{name} shows a secret")

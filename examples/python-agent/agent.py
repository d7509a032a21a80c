"""An agent in Python, on the standard library alone.

It knows only the published orchestrator-agent protocol and runs jobConfig.steps[].run with sh: one job at a time, in a
temporary folder, for real. `websocket.py` beside it is the connection; everything about agents is here.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from websocket import Closed, WebSocket

AGENT_ID = os.environ.get("AGENT_ID", f"python-{socket.gethostname()}")
LABELS = [label for label in os.environ.get("LABELS", "").split(",") if label]
TOKEN = os.environ.get("WAYBILL_AGENT_TOKEN")
HEARTBEAT_S, JOB_HEARTBEAT_S = 30, 60


class Agent:
    def __init__(self, url):
        self.url = url
        self.lock = threading.RLock()
        self.socket = None
        self.registered = False
        self.unsent = []  # what was said while nobody listened
        self.job = None
        self.draining = False
        self.done = threading.Event()

    # -- talking -----------------------------------------------------------------------------------------------------

    def say(self, type, **fields):
        frame = {"type": type, "messageId": str(uuid.uuid4()), "timestamp": now(), **fields}
        with self.lock:
            if self.registered and self._send(frame):
                return
            self.unsent.append(frame)

    def answer(self, type, **fields):
        """Only worth saying on this very connection."""
        with self.lock:
            self._send({"type": type, "messageId": str(uuid.uuid4()), "timestamp": now(), **fields})

    def _send(self, frame):
        try:
            self.socket.send(json.dumps(frame))
            return True
        except Closed:
            return False

    # -- one connection after the other ------------------------------------------------------------------------------

    def run(self):
        failures = 0
        while not self.done.is_set():
            try:
                self.socket = WebSocket(self.url)
                if TOKEN:
                    self.answer("auth.request", token=TOKEN, protocolVersion=1)
                else:
                    self.register()
                while True:
                    if self.on(json.loads(self.socket.receive())) == "registered":
                        failures = 0
            except Closed as closed:
                if closed.code == 4010:
                    return 1  # every other code means: come back
            except OSError as error:
                print(f"no connection: {error}", file=sys.stderr)
            with self.lock:
                self.registered = False
            if self.done.is_set():
                break
            delay = min(60, 1.5**failures) * random.uniform(1, 1.5)
            failures += 1
            self.done.wait(delay)
        return 0

    def register(self):
        fields = {"agentId": AGENT_ID, "labels": LABELS, "platform": sys.platform}
        if self.job is not None:
            fields["inFlightJobs"] = [self.job.name]  # in flight until somebody has heard its end
        self.answer("agent.register", **fields)

    def on(self, message):
        type = message["type"]
        if type == "auth.success":
            self.register()
        elif type == "auth.failure":
            print(f"refused: {message['reason']}", file=sys.stderr)
            self.done.set()
            sys.exit(1)
        elif type == "register.ack":
            with self.lock:
                self.registered = True
                unsent, self.unsent = self.unsent, []
            self.answer("config.ack", agentId=AGENT_ID)
            for frame in unsent:
                self.say(frame.pop("type"), **frame)
            if self.job is not None and self.job.ended:
                self.job = None
            return "registered"
        elif type == "job.dispatch":
            self.take(message)
        elif type == "job.cancel":
            job = self.job
            if job is not None and job.name["jobId"] == message["jobId"]:
                job.cancel()
        return None

    def take(self, dispatch):
        name = {"runId": dispatch["runId"], "jobId": dispatch["jobId"]}
        if self.job is not None or self.draining:
            self.answer("job.reject", **name, reason="draining" if self.draining else "busy")
            return
        self.answer("job.ack", **name)  # at once, before any work
        self.job = Job(self, name, dispatch)
        threading.Thread(target=self.job.work, daemon=True).start()

    def beat(self):
        while not self.done.wait(HEARTBEAT_S):
            if self.registered:
                self.answer("heartbeat")

    def drain(self, *_):
        """Takes nothing more, and goes when the job that there is has ended."""
        self.draining = True
        if self.job is None:
            self.leave()

    def leave(self):
        self.done.set()
        if self.socket is not None:
            self.socket.close()


class Job:
    def __init__(self, agent, name, dispatch):
        self.agent, self.name, self.dispatch = agent, name, dispatch
        self.state, self.ended, self.child = "success", False, None
        self.over = threading.Event()

    def work(self):
        say, config = self.agent.say, self.dispatch["jobConfig"]
        say("job.status", **self.name, state="running")
        threading.Thread(target=self.beat, daemon=True).start()
        folder = tempfile.mkdtemp(prefix="python-agent-")
        try:
            for index, step in enumerate(config.get("steps", [])):
                if self.state != "success":
                    break
                about = {**self.name, "stepIndex": index, "stepName": step.get("name") or step["run"]}
                say("step.status", **about, state="running")
                code = self.step(index, step, folder, config.get("env") or {})
                if code != 0 and self.state == "success":
                    self.state = "failed"
                state = "success" if code == 0 else "failed"
                say("step.status", **about, state=state, data={"exitCode": code})
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.over.set()
        with self.agent.lock:
            say("job.status", **self.name, state=self.state)
            self.ended = True
            if self.agent.registered:
                self.agent.job = None
        if self.agent.draining:
            self.agent.leave()

    def step(self, index, step, folder, env):
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": folder,
            **env,
            **self.dispatch.get("secrets", {}),
            **(step.get("env") or {}),
        }
        self.child = subprocess.Popen(
            ["sh", "-e", "-c", step["run"]],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        for line in self.child.stdout:
            self.agent.say("log.chunk", **self.name, stepIndex=index, lines=[line.rstrip("\n")])
        return self.child.wait()

    def cancel(self):
        if self.child is None or self.child.poll() is not None:
            return
        self.state = "cancelled"
        os.killpg(self.child.pid, signal.SIGTERM)  # the step and all that it has started

    def beat(self):
        while not self.over.wait(JOB_HEARTBEAT_S):
            self.agent.say("job.heartbeat", **self.name)


def now():
    return int(time.time() * 1000)


if __name__ == "__main__":
    agent = Agent(os.environ["WAYBILL_URL"])
    signal.signal(signal.SIGTERM, agent.drain)
    threading.Thread(target=agent.beat, daemon=True).start()
    sys.exit(agent.run())

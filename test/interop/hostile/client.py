"""A client that does as it is told, also what no decent client does.

Reads a task as a line of JSON on its standard input:

  play   parts, lists of steps each on a connection of its own; prints what each heard
  hold   parts; prints "ready" and keeps the connections as they are until it is ended
  mail   good messages without end; prints the sender of each that was answered 250
  storm  connections that say one of some texts up to a random octet and reset

Texts are octets, a character each.
"""

import itertools
import json
import random
import socket
import ssl
import struct
import sys
import time

context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
# Closing with SO_LINGER on and no seconds is a RST.
RESET = struct.pack("ii", 1, 0)


class Closed(Exception):
    """The server has closed, or what it sends is not TLS."""


class Client:
    def __init__(self, port, host="127.0.0.1", timeout=10):
        self.sock = socket.create_connection((host, port), timeout)
        # A step that sends is a packet.
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.text = b""
        self.tls = None
        self.heard = []

    def play(self, steps):
        try:
            for step in steps:
                getattr(self, step[0])(*step[1:])
        except (Closed, ConnectionError, ssl.SSLError):
            self.heard.append("closed")
        except TimeoutError:
            self.heard.append("nothing")
        return self

    # -- steps --

    def send(self, text, count=1):
        octets = text.encode("latin1") * count
        if self.tls is None:
            self.sock.sendall(octets)
        else:
            self.tls.write(octets)
            self.flush()

    def raw(self, text):
        """Past TLS, where there is one."""
        self.sock.sendall(text.encode("latin1"))

    def trickle(self, texts):
        """A packet each, which the server has most likely read before the next comes."""
        for text in texts:
            self.send(text)
            time.sleep(0.0005)

    def flood(self, text):
        """Sends as long as the server takes anything, and reads nothing. It must stop taking at some time."""
        self.sock.settimeout(0.3)
        end = time.monotonic() + 10
        try:
            while time.monotonic() < end:
                self.send(text)
        except TimeoutError:
            return
        sys.exit("the server takes whatever comes")

    def hear(self, count=1):
        """Whole replies, each as one string, its lines joined by LF."""
        for _ in range(count):
            lines = []
            while not lines or lines[-1][3:4] == "-":
                while b"\r\n" not in self.text:
                    self.text += self.receive()
                line, _, self.text = self.text.partition(b"\r\n")
                lines.append(line.decode("latin1"))
            self.heard.append("\n".join(lines))

    def rest(self):
        """Replies until the server closes."""
        while True:
            self.hear()

    def hello(self, less=0):
        """The ClientHello, less its last octets."""
        self.start()
        octets = self.outgoing.read()
        self.sock.sendall(octets[: len(octets) - less])

    def handshake(self):
        if self.text:
            self.heard.append("plaintext behind the 220: " + self.text.decode("latin1"))
        if self.tls is None:
            self.start()
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.more()
        self.flush()
        self.heard.append("TLS")

    def fin(self):
        """Ends its side in an orderly way, and can still hear."""
        if self.tls is not None:
            self.notify()
        self.cut()

    def notify(self):
        """The close_notify of TLS alone."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass
        self.flush()

    def cut(self):
        """A FIN, wherever the protocol is at the moment."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.sock.close()

    # -- below --

    def start(self):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="mx.test")
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass

    def flush(self):
        octets = self.outgoing.read()
        if octets:
            self.sock.sendall(octets)

    def more(self):
        octets = self.sock.recv(65536)
        if not octets:
            raise Closed
        self.incoming.write(octets)

    def receive(self):
        if self.tls is None:
            octets = self.sock.recv(65536)
        else:
            while True:
                try:
                    octets = self.tls.read(65536)
                    break
                except ssl.SSLWantReadError:
                    self.more()
        if not octets:
            raise Closed
        return octets


def play(task):
    heard = [client(part).play(part["steps"]).heard for part in task["parts"]]
    print(json.dumps(heard))


def hold(task):
    clients = [client(part).play(part["steps"]) for part in task["parts"]]
    print("ready", flush=True)
    # Nothing comes, but an end when the test is gone.
    sys.stdin.read()
    del clients


def mail(task):
    good = client(task)
    good.play([["hear"], ["send", "EHLO client.test\r\n"], ["hear"]])
    for count in itertools.count():
        sender = f"{task['name']}.{count}@client.test"
        good.send(f"MAIL FROM:<{sender}>\r\nRCPT TO:<b@mx.test>\r\nDATA\r\n")
        good.hear(3)
        good.send(f"{'x' * 70}\r\n", 200)
        good.send(f"end of {sender}\r\n.\r\n")
        good.hear()
        if good.heard[-1].startswith("250"):
            print(sender, flush=True)


def storm(task):
    dice = random.Random(task["seed"])
    # What a client that wants TLS says first.
    outgoing = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello = outgoing.read()
    texts = [text.encode("latin1").replace(b"<ClientHello>", hello) for text in task["texts"]]
    for _ in range(task["count"]):
        text = dice.choice(texts)
        bad = client(task)
        try:
            bad.sock.sendall(text[: dice.randrange(len(text) + 1)])
            if dice.random() < 0.5:
                bad.sock.recv(100)
        except (ConnectionError, TimeoutError):
            pass
        bad.reset()


def client(where):
    return Client(where["port"], where.get("host", "127.0.0.1"))


task = json.loads(sys.stdin.readline())
{"play": play, "hold": hold, "mail": mail, "storm": storm}[task["mode"]](task)

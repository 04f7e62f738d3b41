"""The task cyme.tasks.webhook: a worker performs one HTTP request, and the answer of the web server is its result.

Cyme writes this file, and policy.json beside it, and adds it to each worker by PYTHONPATH and -I. Standard library and Celery
(5.2 or later) alone, Python 3.8 or later. Three parts: what may be reached (Policy), the request (fetch), and how the result
gets back to the branch (ReplyBackend, WebhookTask).
"""
import base64
import binascii
import codecs
import http.client
import io
import ipaddress
import json
import logging
import math
import os
import re
import socket
import ssl
import threading
import time
from collections import UserDict
from urllib.parse import unquote_to_bytes, urljoin

from amqp.exceptions import AMQPError, ContentTooLarge, IrrecoverableChannelError, MessageNacked
from celery import Task, shared_task, signals, states
from celery._state import get_current_task
from celery.backends.rpc import RPCBackend
from kombu import Producer
from kombu.exceptions import EncodeError
from kombu.serialization import dumps

NAME = "cyme.tasks.webhook"
VERBS = ("HEAD", "GET", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH")
SECONDS = 60
REDIRECTS = 10
CONTENT_BYTES = 10 * 1024 * 1024
# RabbitMQ 4 takes messages up to 16 MiB.
TEXT_JSON_BYTES = 14 * 1000 * 1000

logger = logging.getLogger("celery.cyme.webhook")


class WebhookError(Exception):
    """A URL task failed. The only argument is one sentence, without the user information of a URL."""


class InvalidRequest(WebhookError):
    """What was asked for is no HTTP request."""


class PolicyUnreadable(WebhookError):
    """Nobody knows what may be reached, so nothing is."""


class TargetRefused(WebhookError):
    """The policy of the branch forbids the target."""


class NameNotResolved(WebhookError):
    """The name of the target has no address."""


class TlsError(WebhookError):
    """The server cannot be spoken to securely, or not be trusted."""


class TooManyRedirects(WebhookError):
    """The web server sends on and on."""


class ResponseTooLarge(WebhookError):
    """The content is larger than a result may be."""


class BadResponse(WebhookError):
    """What came is no complete HTTP answer."""


class ResultRefused(EncodeError):
    """The broker does not take the result. Celery makes a FAILURE of an EncodeError."""


# What may be reached

METADATA = tuple(
    ipaddress.ip_address(text)
    for text in ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
# IPv6 networks whose last 32 bits are an IPv4 address: of NAT64, of SIIT.
TRANSLATED = tuple(ipaddress.ip_network(text) for text in ("64:ff9b::/96", "::ffff:0:0:0/96"))
COMPATIBLE = ipaddress.ip_network("::/96")
LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
# Branches refuse what comes from a URL task, by its User-Agent, unless it says this: they cannot all be known here.
ALLOWED = {"X-Cyme-Webhook": "allowed"}
HINT = "give the branch --webhook-allow to allow it"


def faces(address):
    """All addresses that a connection to `address` may end at: itself, the IPv4 address in it, loopback for "this host"."""
    found = [address]
    if address.version == 6:
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        is_translated = any(address in network for network in TRANSLATED)
        if inner is None and (is_translated or (address in COMPATIBLE and int(address) > 1)):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            found += faces(inner)
    if address.is_unspecified:
        found.append(ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1"))
    return found


def guesses(address):
    """What a connection to `address` may end at besides, by the site's own NAT64: only the site knows where its prefix ends."""
    if address not in LOCAL_NAT64:
        return []
    bits = int(address)
    # RFC 6052 2.2: for prefixes of 48, 56, 64 and 96 bits; eight bits in the middle are left out.
    inner = (
        (bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF,
        (bits >> 64 & 0xFF) << 24 | bits >> 32 & 0xFFFFFF,
        bits >> 24 & 0xFFFFFFFF,
        bits & 0xFFFFFFFF,
    )
    return [end for each in inner for end in faces(ipaddress.IPv4Address(each))]


def is_of_this_machine(address):
    """Whether the machine has the address. Connecting a datagram socket sends nothing, and tells where it would come from."""
    if address.is_loopback:
        return True
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            return ipaddress.ip_address(probe.getsockname()[0].partition("%")[0]) == address
    except OSError:
        return False


def is_at(address, own_host):
    """Whether a server that listens on `own_host` answers at `address`."""
    if own_host == "localhost":
        return address in (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
    try:
        listening = ipaddress.ip_address(own_host)
    except ValueError:
        return is_of_this_machine(address)
    return is_of_this_machine(address) if listening.is_unspecified else address in faces(listening)


class Policy:
    """What URL tasks of this branch may reach, and what version of Cyme wrote it."""

    def __init__(self, document):
        self.version = str(document["version"])
        self._own = [(str(own["host"]), int(own["port"])) for own in document["own"]]
        allow = document["allow"]
        self._restricts = allow is not None
        hosts = [entry["host"].lower() for entry in allow or () if "host" in entry]
        self._names = [host for host in hosts if "*" not in host]
        self._patterns = [host for host in hosts if "*" in host]
        self._networks = [ipaddress.ip_network(entry["network"]) for entry in allow or () if "network" in entry]

    def refusal(self, host, address, port):
        """Why `address`, which `host` stands for, is not to be reached; None where it may be."""
        if self.names(host, address):
            return None
        name = host.lower().rstrip(".")
        ends = faces(address)
        # The owner of a name below a wildcard may be a stranger, who lets it point to anywhere.
        forbidden = self._forbidden(ends + guesses(address), port)
        if forbidden is not None:
            return forbidden
        # All that is not forbidden is meant by a * alone; with letters beside it a pattern is for names.
        patterns = self._patterns if literal(host) is None else [pattern for pattern in self._patterns if pattern == "*"]
        by_pattern = any(matches(pattern, name) for pattern in patterns)
        return "is not allowed by --webhook-allow" if self._restricts and not by_pattern else None

    def names(self, host, address):
        """Whether --webhook-allow names the host or the address, not only by a pattern."""
        by_network = any(end in network for end in faces(address) for network in self._networks)
        return by_network or host.lower().rstrip(".") in self._names

    def _forbidden(self, ends, port):
        if any(end.is_link_local for end in ends):
            return "is a link-local address"
        if any(end in METADATA for end in ends):
            return "is an address of machine metadata"
        if any(port == own_port and is_at(end, own_host) for own_host, own_port in self._own for end in ends):
            return "is the HTTP address of this branch"
        return None


def matches(pattern, name):
    """Whether the host pattern, where * stands for anything, is for `name`."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


class PolicyFile:
    """policy.json, read again when it changed: the worker outlives the branch, which may come back with another policy."""

    def __init__(self, path):
        self._path = path
        self._read = (None, None)

    def policy(self):
        """The policy as it is now, or PolicyUnreadable."""
        try:
            stat = os.stat(self._path)
            version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            known, policy = self._read
            if version != known:
                with open(self._path, encoding="utf-8") as file:
                    policy = Policy(json.load(file))
                self._read = (version, policy)
            return policy
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise PolicyUnreadable(
            f"Cannot read {self._path}, which says what URL tasks may reach: {reason}; start the branch again to write it"
        )


# The request


class Deadline:
    """The end of the time that a request has in all."""

    def __init__(self, seconds):
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self.label = "the web server"

    def left(self):
        """Seconds, more than 0; raises what over() gives when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.over()
        return left

    def over(self):
        return TimeoutError(f"No complete answer from {self.label} within {self._seconds:g} s")


class Url:
    """An http or https URL taken apart. Raises InvalidRequest for anything else."""

    SHAPE = re.compile(r"(https?)://([^/?#\\]*)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
    PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::(\d{0,5}))?", re.DOTALL)
    HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=-]{1,255}")

    def __init__(self, text):
        if re.search(r"[\x00-\x1f\x7f]", text):
            raise InvalidRequest("The URL holds control characters")
        parts = self.SHAPE.fullmatch(text)
        if parts is None:
            raise InvalidRequest("Wanted a URL that begins with http:// or https:// and a host")
        self.scheme = parts[1].lower()
        userinfo, at, place = parts[2].rpartition("@")
        # None where the URL has none: then that of the URL before it stands, on the same origin.
        self.authorization = basic(userinfo) if at and userinfo else None
        where = self.PLACE.fullmatch(place)
        if where is None:
            raise InvalidRequest("The URL has no host, or a wrong port")
        self.host = ascii_host(where[1])
        default = 443 if self.scheme == "https" else 80
        self.port = int(where[2]) if where[2] else default
        if not 0 < self.port < 65536:
            raise InvalidRequest("The URL has a port that is not from 1 to 65535")
        # As the Host header wants it: the port where the URL names one.
        name = where[1] if ":" in self.host else self.host
        self.authority = name + (f":{self.port}" if where[2] else "")
        self.path = sendable(parts[3] or "/")
        self.query = sendable(parts[4] or "")
        self.target = self.path + self.query

    @property
    def origin(self):
        return (self.scheme, self.host.lower(), self.port)

    @property
    def bare(self):
        """Without user information and fragment."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def label(self):
        """For messages: a query may hold secrets too."""
        return f"{self.scheme}://{self.authority}{self.path[:200]}"

    @property
    def place(self):
        return f"{self.host} port {self.port}"

    def follow(self, location):
        """The URL that a Location header on the answer of this one names, or BadResponse."""
        try:
            return self._joined(location)
        except (InvalidRequest, ValueError):
            raise BadResponse(f"{self.label} redirects to something that is no URL of http or https") from None

    def _joined(self, location):
        if re.match(r"https?:", location, re.IGNORECASE):
            return Url(location)
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", location):
            raise InvalidRequest("Another scheme")
        base = f"{self.scheme}://{self.authority}"
        if location.startswith("//"):
            return Url(f"{self.scheme}:{location}")
        if location.startswith("/"):
            return Url(base + location)
        if location.startswith("?"):
            return Url(base + self.path + location)
        if location == "" or location.startswith("#"):
            return Url(self.bare)
        return Url(urljoin(base + self.path, location))


def sendable(text):
    """The part of a URL as it may stand in a request line: what is neither ASCII nor visible is percent-encoded as UTF-8."""
    return re.sub(r"[^\x21-\x7e]", lambda odd: "".join(f"%{byte:02X}" for byte in odd[0].encode("utf-8", "replace")), text)


def ascii_host(text):
    """The host of a URL, decoded, and encoded for DNS where it is not ASCII."""
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError:
            raise InvalidRequest("The URL has a host in brackets that is no IPv6 address") from None
    try:
        host = unquote_to_bytes(text).decode("utf-8")
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
    except UnicodeError:
        host = ""
    if Url.HOST.fullmatch(host) is None:
        raise InvalidRequest("The URL has a host that is no name")
    return host


def basic(userinfo):
    user, _, password = userinfo.partition(":")
    return "Basic " + base64.b64encode(unquote_to_bytes(user) + b":" + unquote_to_bytes(password)).decode("ascii")


def resolve(host, deadline):
    """The addresses of `host`, in the order in which they are to be tried; NameNotResolved where there are none."""
    known = literal(host)
    if known is not None:
        return known
    box = []

    def work():
        try:
            box.append(lookup(host, 0))
        except OSError as error:
            box.append(error)
        except UnicodeError:
            box.append(OSError(0, "It is no name"))

    # A resolver that does not answer cannot be interrupted, but left alone.
    thread = threading.Thread(target=work, name="cyme-resolve", daemon=True)
    thread.start()
    thread.join(deadline.left())
    if not box:
        raise deadline.over()
    if isinstance(box[0], OSError):
        raise NameNotResolved(f"Cannot resolve the name {host}: {box[0].strerror}")
    return box[0]


def literal(host):
    """The addresses that `host` is by itself, in any spelling (`127.1`, `0x7f000001`); None where it is a name."""
    try:
        return lookup(host, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return None


def lookup(host, flags):
    found = socket.getaddrinfo(host.encode("ascii"), None, 0, socket.SOCK_STREAM, 0, flags)
    texts = [sockaddr[0].partition("%")[0] for _, _, _, _, sockaddr in found]
    return [ipaddress.ip_address(text) for text in dict.fromkeys(texts)]


def allowed_addresses(url, policy, deadline):
    """The addresses of the URL's host that may be reached, or TargetRefused."""
    refusals = []
    addresses = []
    for address in resolve(url.host, deadline):
        why = policy.refusal(url.host, address, url.port)
        if why is None:
            addresses.append(address)
        else:
            refusals.append(f"{address_label(url, address)} {why}")
    if not addresses:
        raise TargetRefused(f"{'; '.join(refusals)}; {HINT}")
    return addresses


def address_label(url, address):
    shown = url.host if url.host == str(address) else f"{url.host} ({address})"
    return f"{shown} port {url.port}"


def connect(url, policy, deadline):
    """A connected socket, with TLS for https. It goes to an address that was checked: the name is not looked up again."""
    addresses = allowed_addresses(url, policy, deadline)
    failure = None
    for index, address in enumerate(addresses):
        # An address that does not answer leaves time for the next.
        seconds = deadline.left() / (len(addresses) - index)
        try:
            plain = socket.create_connection((str(address), url.port), seconds)
        except socket.timeout:
            failure = failure or deadline.over()
        except OSError as error:
            failure = cannot_connect(address_label(url, address), error)
        else:
            break
    else:
        deadline.left()
        raise failure
    if url.scheme == "http":
        return plain
    try:
        return secured(plain, url, deadline)
    except BaseException:
        plain.close()
        raise


def cannot_connect(place, error):
    kind = type(error) if isinstance(error, ConnectionError) else ConnectionError
    return kind(f"Cannot connect to {place}: {error.strerror or 'it failed'}")


_tls = None


def secured(plain, url, deadline):
    global _tls
    if _tls is None:
        _tls = ssl.create_default_context()
    plain.settimeout(deadline.left())
    try:
        return _tls.wrap_socket(plain, server_hostname=url.host.rstrip("."))
    except socket.timeout:
        failure = deadline.over()
    except ssl.SSLCertVerificationError as error:
        failure = TlsError(f"Cannot trust {url.place}: {error.verify_message}")
    except (ssl.SSLError, ValueError) as error:
        failure = TlsError(f"Cannot speak TLS with {url.place}: {getattr(error, 'reason', None) or 'it failed'}")
    except OSError as error:
        failure = broken(url, error)
    raise failure


class Received(io.RawIOBase):
    """What a socket receives; each wait ends with the deadline, so that no drip of bytes prolongs it."""

    def __init__(self, connection, url, deadline):
        self._connection = connection
        self._url = url
        self._deadline = deadline

    def readable(self):
        return True

    def readinto(self, buffer):
        self._connection.settimeout(self._deadline.left())
        try:
            return self._connection.recv_into(buffer)
        except socket.timeout:
            failure = self._deadline.over()
        except OSError as error:
            failure = broken(self._url, error)
        raise failure


def broken(url, error):
    kind = type(error) if isinstance(error, ConnectionError) else ConnectionError
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return kind(f"The connection to {url.place} broke before the answer was complete: {reason or 'it failed'}")


def send(connection, request, deadline):
    """Sends all bytes. A server may answer and close before it has read them: then its answer is still to be read."""
    rest = memoryview(request)
    while rest:
        connection.settimeout(deadline.left())
        try:
            rest = rest[connection.send(rest[:65536]) :]
        except socket.timeout:
            continue
        except OSError:
            return


class Answer:
    """The head of an answer, and its content as far as it was read."""

    def __init__(self, status, fields):
        self.status = status
        self.fields = fields
        self.content = b""

    def get(self, name):
        return self.fields.get(name)

    def all(self, name):
        """The values of a header that is a list, however often it comes; None where it does not come."""
        values = self.fields.get_all(name)
        return None if values is None else [each.strip() for each in ",".join(values).split(",")]


class HeadLines:
    """The lines of a head, and the last of them: http.client takes the end of the stream for the end of the head.

    It would also take a line that is no header for the end, and lose those after it.
    """

    FIELD = re.compile(rb"[\x21-\x39\x3b-\x7e]+:[^\r\n\x00]*\r?\n")
    FOLDED = re.compile(rb"[ \t][^\r\n\x00]*\r?\n")
    END = (b"\r\n", b"\n")

    def __init__(self, reader, url):
        self._reader = reader
        self._url = url
        self.last = b""

    def readline(self, limit):
        line = self._reader.readline(limit)
        is_first = self.last == b""
        self.last = line
        # One without an end is too long, or the connection broke in it.
        if line.endswith(b"\n") and line not in self.END and not self._is_field(line, is_first):
            raise BadResponse(f"{self._url.place} answers with a line among its headers that is none")
        return line

    def _is_field(self, line, is_first):
        return bool(self.FIELD.fullmatch(line) or (not is_first and self.FOLDED.fullmatch(line)))


STATUS_LINE = re.compile(rb"HTTP/1\.\d (\d{3})(?: [^\r\n]*)?\r?\n")


def read_head(reader, url):
    """The head of the final answer: those of status 1xx that come before it are skipped."""
    while True:
        line = reader.readline(65537)
        if line == b"":
            raise BadResponse(f"{url.place} closed the connection without an answer")
        status = STATUS_LINE.fullmatch(line)
        if status is None:
            raise BadResponse(f"{url.place} does not answer in HTTP")
        try:
            lines = HeadLines(reader, url)
            fields = http.client.parse_headers(lines)
        except http.client.LineTooLong:
            raise BadResponse(f"{url.place} answers with a header of more than 65536 bytes") from None
        except http.client.HTTPException:
            raise BadResponse(f"{url.place} answers with more than 100 headers") from None
        if lines.last not in HeadLines.END:
            raise BadResponse(f"{url.place} closed the connection in the head of its answer")
        code = int(status[1])
        if not 100 <= code < 200 or code == 101:
            return Answer(code, fields)


def read_content(reader, answer, url, limit):
    """All of the content, decoded from its transfer; ResponseTooLarge as soon as it is known to have more bytes than `limit`."""
    pieces = []
    size = 0
    for piece in transferred(reader, answer, url, limit):
        size += len(piece)
        if size > limit:
            raise too_large(url, limit)
        pieces.append(piece)
    return b"".join(pieces)


def too_large(url, limit):
    return ResponseTooLarge(f"{url.label} answers with more than {limit} bytes of content")


def transferred(reader, answer, url, limit):
    codings = [coding.lower() for coding in answer.all("Transfer-Encoding") or ()]
    if codings == ["chunked"]:
        return chunks(reader, url)
    if codings not in ([], [""], ["identity"]):
        raise BadResponse(f"{url.place} answers with a transfer encoding that was not asked for")
    lengths = answer.all("Content-Length")
    if lengths is None:
        return iter(lambda: reader.read1(65536), b"")
    if not all(re.fullmatch(r"[0-9]+", length) for length in lengths):
        raise BadResponse(f"{url.place} answers with a Content-Length that is no number")
    digits, *others = {length.lstrip("0") for length in lengths}
    if others:
        raise BadResponse(f"{url.place} answers with more than one Content-Length")
    if len(digits) > 15 or int(digits or "0") > limit:
        raise too_large(url, limit)
    return exactly(reader, int(digits or "0"), url)


def exactly(reader, size, url):
    left = size
    while left:
        piece = reader.read1(min(left, 65536))
        if not piece:
            raise BadResponse(f"{url.place} closed the connection {left} bytes before the end of its answer")
        left -= len(piece)
        yield piece


def chunks(reader, url):
    while True:
        line = reader.readline(1026)
        size = re.match(rb"([0-9A-Fa-f]{1,12})[ \t]*(;[^\n]*)?\r?\n", line)
        if size is None:
            raise BadResponse(f"{url.place} broke off its answer, or sends wrong chunks")
        left = int(size[1], 16)
        if left == 0:
            return  # What may follow, the trailer, is of no interest.
        yield from exactly(reader, left, url)
        if reader.readline(2) != b"\r\n":
            raise BadResponse(f"{url.place} sends wrong chunks")


def ask(method, url, headers, body, policy, deadline, limit):
    """One request and its answer; that of a redirect has no content."""
    deadline.label = url.label
    connection = connect(url, policy, deadline)
    try:
        reached = ipaddress.ip_address(connection.getpeername()[0].partition("%")[0])
        named = ALLOWED if policy.names(url.host, reached) else {}
        send(connection, request_bytes(method, url, {**headers, **named}, body), deadline)
        reader = io.BufferedReader(Received(connection, url, deadline), 65536)
        answer = read_head(reader, url)
        if has_content(method, answer):
            answer.content = read_content(reader, answer, url, limit)
        return answer
    finally:
        connection.close()


def has_content(method, answer):
    if method in ("HEAD", "CONNECT") or answer.status in (101, 204, 304):
        return False
    # It never has any, but for servers that say that it has.
    if answer.status == 205 and answer.get("Content-Length") is None and answer.get("Transfer-Encoding") is None:
        return False
    return not is_redirect(method, answer)


def is_redirect(method, answer):
    return method != "CONNECT" and answer.status in (301, 302, 303, 307, 308) and answer.get("Location") is not None


def request_bytes(method, url, headers, body):
    lines = [f"{method} {url.target} HTTP/1.1", f"Host: {url.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines) + "\r\nConnection: close\r\n\r\n"
    return head.encode("latin-1", "replace") + body


def fetch(url, method="GET", headers=None, body=b"", *, policy, seconds=SECONDS, limit=CONTENT_BYTES):
    """Performs the request and follows redirects.

    `headers` are those of the body, `body` bytes, `policy` a Policy, `seconds` the time for all of it, `limit` how many bytes of
    content there may be. Gives {"status_code", "url", "headers", "content", "is_base64"}, whatever the status; raises
    WebhookError, ConnectionError or TimeoutError with one sentence.
    """
    deadline = Deadline(seconds)
    place = Url(url)
    own = {"User-Agent": f"Celery/cyme v{policy.version}", "Accept": "*/*", "Accept-Encoding": "identity"}
    sent = dict(headers or {})
    authorization = place.authorization
    for _ in range(REDIRECTS + 1):
        login = {} if authorization is None else {"Authorization": authorization}
        answer = ask(method, place, {**own, **login, **sent}, body, policy, deadline, limit)
        if not is_redirect(method, answer):
            return result_of(place, answer)
        before, place = place, place.follow(as_text(answer.get("Location")))
        if place.origin != before.origin:
            authorization = None
        authorization = place.authorization or authorization
        if (answer.status == 303 and method != "HEAD") or (answer.status in (301, 302) and method == "POST"):
            method, sent, body = "GET", {}, b""
    raise TooManyRedirects(f"{place.label} redirects after {REDIRECTS} redirects; the last of them is not followed")


def as_text(header):
    """The value of a header, which http.client reads as Latin-1, as the UTF-8 that it mostly is."""
    try:
        return header.strip().encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header.strip()


def result_of(url, answer):
    content, is_base64 = readable_content(answer)
    return {
        "status_code": answer.status,
        "url": url.bare,
        "headers": joined(answer.fields.items()),
        "content": content,
        "is_base64": is_base64,
    }


def joined(fields):
    names = {}
    values = {}
    for name, value in fields:
        key = name.lower()
        names.setdefault(key, name)
        values.setdefault(key, []).append(re.sub(r"\r?\n[ \t]*", " ", value).strip())
    # Cookies hold commas.
    return {names[key]: ("\n" if key == "set-cookie" else ", ").join(found) for key, found in values.items()}


TEXT = re.compile(r"text/.*|application/(json|xml|javascript|ecmascript|x-javascript|x-www-form-urlencoded|.*\+(json|xml))")
NO_CHARSETS = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined")


def readable_content(answer):
    """The content as text, or base64 and True."""
    content = answer.content
    charset = charset_of(answer)
    try:
        text = content.decode(charset) if charset is not None else None
        if text is not None:
            text.encode("utf-8")  # Half characters cannot be sent.
    except (UnicodeError, LookupError, ValueError):
        text = None
    if text is None or json_size(text) > TEXT_JSON_BYTES:
        return base64.b64encode(content).decode("ascii"), True
    return text, False


def charset_of(answer):
    """The name of Python's codec for the content; None where it is no text."""
    if (answer.get("Content-Encoding") or "identity").strip().lower() != "identity":
        return None
    named = answer.fields.get_content_charset() if answer.get("Content-Type") is not None else None
    if named is None:
        kind = (answer.get("Content-Type") or "text/plain").partition(";")[0].strip().lower()
        return "utf-8" if TEXT.fullmatch(kind) else None
    try:
        codec = codecs.lookup(named)
    except (LookupError, ValueError):
        return None
    # Python calls much a codec: rot13, base64, zlib.
    is_charset = getattr(codec, "_is_text_encoding", True) and codec.name.replace("-", "_") not in NO_CHARSETS
    return codec.name if is_charset else None


def json_size(text):
    # No character takes more than 12 bytes, and most that are not ASCII take 6.
    return len(text) if len(text) * 12 <= TEXT_JSON_BYTES else len(json.dumps(text))


# The task


def perform(file, url, method, headers, body, is_base64, request=fetch):
    """What the task does with its arguments. Nothing but one sentence gets out of it when it fails."""
    try:
        policy = file.policy()
        kept = body_headers(headers)
        if method not in VERBS:
            raise InvalidRequest(f"Wanted one of the verbs {' '.join(VERBS)}")
        return request(url, method, kept, body_bytes(body, is_base64), policy=policy)
    except (WebhookError, ConnectionError, TimeoutError) as error:
        failure = error
    except Exception as error:
        # Its words and where it came from may show what was sent.
        failure = WebhookError(f"The request failed with an unexpected {type(error).__name__}")
    failure.__context__ = failure.__cause__ = None
    raise failure


def body_headers(headers):
    kept = {name: str(value) for name, value in (headers or {}).items()}
    kept = {name: value for name, value in kept.items() if name.lower() in ("content-type", "content-encoding")}
    if any(re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) for value in kept.values()):
        raise InvalidRequest("A header holds control characters")
    return kept


def body_bytes(body, is_base64):
    if not is_base64:
        return (body or "").encode("utf-8")
    try:
        return base64.b64decode(body or "", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest("The body is marked as base64 and is not") from None


# The result


class Result(UserDict):
    """What fetch() gives. Celery logs the repr of a result and sends it as an event, where cookies and content have no business.

    No dict, since Celery takes those apart whatever their repr is.
    """

    def __repr__(self):
        place = self["url"].partition("?")[0]
        return f"<{self['status_code']} {place[:300]}>"

    def __json__(self):
        return self.data


ATTEMPT_SECONDS = 30
BRIEF_ATTEMPT_SECONDS = 3
BRIEF_SECONDS = 5
PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10
CONNECTIONS = 10
BROKER_ERRORS = (OSError, AMQPError, MessageNacked)


class BrokerAway(Exception):
    """The broker did not take a message in the time that it had."""


class Link:
    """A connection to the broker of an app with a channel on which each message is confirmed."""

    def __init__(self, app, seconds):
        # The time-outs are for a broker that hangs while the channel is opened.
        options = {"read_timeout": seconds, "write_timeout": seconds, **app.conf.broker_transport_options}
        kombu = app.connection_for_write(transport_options={**options, "confirm_publish": True})
        self._transport = kombu.transport
        self.errors = BROKER_ERRORS + tuple(self._transport.connection_errors) + tuple(self._transport.channel_errors)
        self._connection = self._producer = None

    def publish(self, seconds, message):
        """Returns once the message is confirmed. ResultRefused where it never will be, `errors` where it may be later."""
        if self._producer is None:
            self._connection = self._transport.establish_connection()
            self._producer = Producer(self._transport.create_channel(self._connection), auto_declare=False)
        try:
            return self._producer.publish(exchange="", retry=False, timeout=seconds, **message)
        except (IrrecoverableChannelError, ContentTooLarge) as error:
            reason = str(getattr(error, "reply_text", "") or type(error).__name__)
        raise ResultRefused(f"The broker refuses the result: {reason[:500]}")

    def discard(self):
        """Without a word to the broker, which may never answer it."""
        collect = getattr(self._connection, "collect", None)
        try:
            if collect is not None:
                collect()
        except OSError:
            logger.debug("A connection did not end well", exc_info=True)


class Publisher:
    """Publishes to the broker of an app for any number of threads of one process, by a few connections of its own."""

    def __init__(self, app):
        self._app = app
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._idle = []
        self._is_away = False

    def publish(self, patience, seconds, message):
        """Returns once the broker has taken the message; ResultRefused where it never will, BrokerAway after `patience` seconds.

        `seconds` bounds one attempt.
        """
        end = time.monotonic() + patience
        pause = PAUSE_SECONDS
        while True:
            failure = self._attempt(seconds, message)
            self._tell(failure)
            if failure is None:
                return
            if time.monotonic() + pause > end:
                raise BrokerAway(type(failure).__name__)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _attempt(self, seconds, message):
        """What went wrong, or None."""
        if not self._slots.acquire(timeout=seconds):
            return TimeoutError("All connections are in use")
        try:
            # Those that idle may have died of age, which is no failure of the broker's.
            link = self._pop_idle()
            while link is not None:
                if self._try(link, seconds, message) is None:
                    return None
                link = self._pop_idle()
            return self._try(Link(self._app, seconds), seconds, message)
        finally:
            self._slots.release()

    def _pop_idle(self):
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _try(self, link, seconds, message):
        try:
            link.publish(seconds, message)
        except link.errors as error:
            link.discard()
            return error
        except BaseException:
            link.discard()
            raise
        self._idle.append(link)
        return None

    def _tell(self, failure):
        """Once for each outage."""
        if failure is not None and not self._is_away:
            logger.warning("Cannot publish the results of URL tasks (%s); trying again", type(failure).__name__)
        elif failure is None and self._is_away:
            logger.warning("The results of URL tasks are published again")
        self._is_away = failure is not None


class ReplyBackend(RPCBackend):
    """Sends states and results to the queue that the message of the task names, whatever backend the app has."""

    def __init__(self, app):
        super().__init__(app, persistent=True, serializer="json", accept=["json"])
        # By process: a connection that a fork inherited is its parent's, and is neither used nor closed.
        self._publishers = {}

    def store_result(self, task_id, result, state, traceback=None, request=None, **kwargs):
        queue, correlation_id = self.destination_for(task_id, request)
        if not queue:
            return None
        meta = {
            "task_id": task_id,
            "status": state,
            "result": self.encode_result(result, state),
            "traceback": traceback,
            "children": [],
        }
        content_type, content_encoding, body = dumps(meta, "json")
        message = {
            "body": body,
            "content_type": content_type,
            "content_encoding": content_encoding,
            "routing_key": queue,
            "correlation_id": correlation_id,
            "delivery_mode": 2,
        }
        try:
            self._publisher().publish(*self._patience(task_id, state), message)
        except BrokerAway as away:
            logger.warning("The state %s of %s is not published: the broker is away (%s)", state, task_id, away)
        except ResultRefused as refused:
            if state == states.SUCCESS:
                raise
            logger.error("The state %s of %s is not published: %s", state, task_id, refused)
        return result

    def _patience(self, task_id, state):
        """How long to try, and how long one attempt may take."""
        task = get_current_task()
        is_in_task = task is not None and task.request.id == task_id
        if state == states.STARTED:
            return 0, BRIEF_ATTEMPT_SECONDS
        # Outside of a task it is the worker's event loop that waits.
        return (math.inf, ATTEMPT_SECONDS) if is_in_task else (BRIEF_SECONDS, BRIEF_ATTEMPT_SECONDS)

    def _publisher(self):
        pid = os.getpid()
        return self._publishers.get(pid) or self._publishers.setdefault(pid, Publisher(self.app))


# A task of a worker with time limits gets this one instead, in seconds: it may wait for the broker to take its result. After it,
# it is done again, since a worker without its broker cannot acknowledge it.
LIMIT_SECONDS = 3600

FIXED = {
    "acks_late": True,
    "acks_on_failure_or_timeout": True,
    "acks_on_failure": True,
    "acks_on_timeout": True,
    "reject_on_worker_lost": False,
    "retry_on_worker_lost": False,
    "track_started": True,
    "ignore_result": False,
    "store_errors_even_if_ignored": True,
    "serializer": "json",
    "time_limit": None,
    "soft_time_limit": None,
}


class WebhookTask(Task):
    """A task that behaves the same whatever the user's configuration says about tasks and results."""

    abstract = True

    @classmethod
    def on_bound(cls, app):
        # After the app's configuration and annotations were applied.
        for name, value in FIXED.items():
            setattr(cls, name, value)

    @property
    def backend(self):
        own = self.__dict__.get("_reply_backend")
        return own or self.__dict__.setdefault("_reply_backend", ReplyBackend(self.app))


@signals.celeryd_after_setup.connect(weak=False, dispatch_uid="cyme_webhook")
def lift_time_limits(instance, **_):
    """Only where the worker has limits: Celery keeps a timer for each task with one until its time is over."""
    for task in instance.app.tasks.values():
        if isinstance(task, WebhookTask):
            type(task).time_limit = LIMIT_SECONDS if instance.time_limit else None
            type(task).soft_time_limit = LIMIT_SECONDS if instance.soft_time_limit else None


policy_file = PolicyFile(os.path.join(os.path.dirname(os.path.abspath(__file__)), "policy.json"))


@shared_task(name=NAME, base=WebhookTask, bind=True)
def webhook(self, url, method="GET", headers=None, body=None, is_base64=False, **_):
    """Performs one HTTP request; see fetch(). Other arguments are those of newer branches."""
    return Result(perform(policy_file, url, method, headers, body, is_base64))

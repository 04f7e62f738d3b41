# Shell functions shared by the scripts here and install.sh; sourced, never run. POSIX sh.

RABBITMQ_BIN=/usr/lib/rabbitmq/bin # Debian's; the wrappers in /usr/sbin insist on the user rabbitmq.

# say <words…>: one line of progress, on standard error.
say() { printf '%s\n' "$*" >&2; }

# die <words…>: says why on standard error and ends the script with status 1.
die() {
  say "$*"
  exit 1
}

# any_python: prints the Python for small chores: any version 3, no packages wanted.
any_python() { command -v python3 || die "python3 is wanted but is not there: apt-get install python3"; }

# free_ports <n>: prints n different ports on 127.0.0.1 that nobody listens on, all below the range which the
# system hands out for outgoing connections.
free_ports() {
  "$(any_python)" - "$1" <<'END'
import random, socket, sys
found = []
while len(found) < int(sys.argv[1]):
    probe = socket.socket()
    try:
        probe.bind(("127.0.0.1", random.randrange(10240, 32000)))
        found.append(probe)
    except OSError:
        probe.close()
print(*(probe.getsockname()[1] for probe in found))
END
}

# wait_for_amqp <port> <seconds> <pid>: waits until a broker on 127.0.0.1 answers an AMQP greeting; fails when the time
# is over or the process <pid> has ended.
wait_for_amqp() {
  "$(any_python)" - "$@" <<'END'
import os, socket, sys, time
port, seconds, pid = map(int, sys.argv[1:])
deadline = time.monotonic() + seconds
while time.monotonic() < deadline:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as client:
            client.settimeout(5)
            client.sendall(b"AMQP\x00\x00\x09\x01")
            if client.recv(1) == b"\x01":
                sys.exit(0)
    except OSError:
        pass
    with open(f"/proc/{pid}/stat") if os.path.exists(f"/proc/{pid}/stat") else open(os.devnull) as stat:
        if stat.read().rpartition(")")[2].split()[:1] in ([], ["Z"]):
            sys.exit(f"the broker ended before it listened on port {port}")
    time.sleep(0.05)
sys.exit(f"the broker did not answer on port {port} within {seconds} s")
END
}

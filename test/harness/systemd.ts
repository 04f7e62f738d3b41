/** Binds a datagram socket, says so, and writes each datagram that comes on a line of its own. */
const RECEIVER = `
import json, socket, sys, time
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1].replace("@", "\\0", 1))
print("bound", flush=True)
while True:
    text = receiver.recv(4096).decode()
    print(json.dumps({"text": text, "monotonicS": time.monotonic()}), flush=True)
`;

/** What a daemon told systemd, and when that came by the clock of the machine. */
interface Told {
  readonly text: string;
  readonly monotonicS: number;
}

/** Stands in for systemd, as far as it listens to what daemons tell. */
export interface Systemd extends AsyncDisposable {
  /** All that was told so far. */
  readonly told: readonly Told[];
}

/** Listens at a path, or at an abstract name that begins with `@`. */
export async function listenAsSystemd(address: string): Promise<Systemd> {
  const child = Bun.spawn(["python3", "-c", RECEIVER, address], { stdout: "pipe", stderr: "inherit" });
  const told: Told[] = [];
  const bound = Promise.withResolvers<void>();
  const read = async () => {
    let rest = "";
    for await (const chunk of child.stdout) {
      const lines = (rest + Buffer.from(chunk).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "bound") bound.resolve();
        else told.push(JSON.parse(line) as Told);
      }
    }
    bound.reject(new Error(`Nobody could listen at ${address}`));
  };
  void read();
  await bound.promise;
  return {
    told,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

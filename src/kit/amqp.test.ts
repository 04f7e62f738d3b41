import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { reasonOf } from "../../test/celery/away.ts";
import { recordingLog } from "../../test/celery/recording-log.ts";
import { until } from "../../test/harness/wait.ts";
import { AmqpConnection } from "./amqp-connection.ts";
import { AmqpAway, AmqpLink, AmqpRefused, type LinkState } from "./amqp.ts";
import { ManualClock, systemClock } from "./clock.ts";
import { silentLog } from "./log.ts";

const START = method(10, 10, [0, 9, ...long(""), ...long("PLAIN"), ...long("en_US")]);
const TUNE = method(10, 30, [7, 255, 0, 2, 0, 0, 0, 10]);
const OPEN_OK = method(10, 41, [0]);
const LOGIN_REFUSED = method(10, 50, [1, 147, ...short("ACCESS_REFUSED - no"), 0, 0, 0, 0]);

/** What a peer does with a connection. `heard` counts the chunks that came. */
type Behaviour = (socket: Socket, heard: number, chunk: Buffer) => void;

/** Shakes hands as a broker does, and is silent from then on. */
const silentBroker: Behaviour = (socket, heard, chunk) => {
  if (heard === 1) socket.write(START);
  if (heard === 2) socket.write(TUNE);
  if (chunk.includes(Buffer.from([0, 10, 0, 40]))) socket.write(OPEN_OK);
};

/** Opens channels too. */
const channelBroker: Behaviour = (socket, heard, chunk) => {
  silentBroker(socket, heard, chunk);
  const open = chunk.indexOf(Buffer.from([0, 20, 0, 10]));
  if (open > 0) socket.write(method(20, 11, long(""), chunk[open - 5]));
};

/** Takes channels into confirm mode too. */
const confirmingBroker: Behaviour = (socket, heard, chunk) => {
  channelBroker(socket, heard, chunk);
  const select = chunk.indexOf(Buffer.from([0, 85, 0, 10]));
  if (select > 0) socket.write(method(85, 11, [], chunk[select - 5]));
};

const refusingBroker: Behaviour = (socket, heard) => {
  if (heard === 1) socket.write(START);
  if (heard === 2) socket.write(LOGIN_REFUSED);
};

const muteBroker: Behaviour = () => {};

/** A peer on a port of its own; `onConnect` runs before anything has come. */
async function startPeer(behaviour: Behaviour, onConnect: (socket: Socket) => void = () => {}) {
  const sockets = new Set<Socket>();
  const peer = { behaviour, connects: 0 };
  const server = createServer((socket) => {
    peer.connects++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let heard = 0;
    socket.on("data", (chunk) => peer.behaviour(socket, ++heard, Buffer.from(chunk)));
    onConnect(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    set behaviour(next: Behaviour) {
      peer.behaviour = next;
    },
    get connects() {
      return peer.connects;
    },
    get connected() {
      return sockets.size;
    },
    url: `amqp://me:s%40cret@127.0.0.1:${port}//`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A link, its states and its log. */
function linkTo(url: string, parts: Partial<ConstructorParameters<typeof AmqpLink>[0]> = {}) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const link = new AmqpLink({
    url,
    label: "the broker",
    connectionName: "test",
    clock,
    log: recordingLog(lines),
    ...parts,
  });
  const states: LinkState[] = [];
  link.onState((state) => states.push(state));
  return {
    link,
    states,
    lines,
    clock,
    [Symbol.asyncDispose]: () => link.stop(clock.now()),
  };
}

/** Waits, without moving the clock. */
const becomes = (link: AmqpLink, is: LinkState["is"]) =>
  until(() => link.state.is === is, { what: `the link to be ${is}` });

describe("a link", () => {
  test("is connecting, then up, and says so", async () => {
    await using peer = await startPeer(silentBroker);
    await using to = linkTo(peer.url);
    expect(to.link.state.is).toBe("connecting");
    to.link.start();
    await to.link.whenUp(1_000);
    expect(to.states.map(({ is }) => is)).toEqual(["up"]);
  });

  test("connects once, however often it is started", async () => {
    await using peer = await startPeer(silentBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    to.link.start();
    await to.link.whenUp(1_000);
    expect(peer.connects).toBe(1);
  });

  test("is away with the reason where nobody listens", async () => {
    const gone = await startPeer(silentBroker);
    await gone[Symbol.asyncDispose]();
    await using to = linkTo(gone.url);
    to.link.start();
    await becomes(to.link, "away");
    expect(to.link.state).toMatchObject({ refused: false, reason: expect.stringContaining("ECONNREFUSED") });
  });

  test("is away after 5 s where somebody listens and says nothing", async () => {
    await using peer = await startPeer(muteBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    await until(() => peer.connected === 1, { what: "the connection" });
    await to.clock.advance(4_900);
    expect(to.link.state.is).toBe("connecting");
    await to.clock.advance(200);
    expect(to.link.state).toMatchObject({ is: "away", reason: "no answer within 5 s" });
    await until(() => peer.connected === 0, { what: "the socket to be closed" });
  });

  test("comes back by itself after a loss", async () => {
    await using peer = await startPeer(silentBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    await to.link.whenUp(1_000);
    peer.cut();
    await becomes(to.link, "away");
    await until(async () => (await to.clock.advance(500), to.link.state.is === "up"), { what: "the link to be back" });
    expect(to.states.map(({ is }) => is)).toEqual(["up", "away", "up"]);
  });

  test("waits longer after each failure, at most 10 s", async () => {
    await using peer = await startPeer((socket) => socket.destroy());
    await using to = linkTo(peer.url);
    to.link.start();
    const startMs = to.clock.now();
    const atMs: number[] = [];
    for (let attempt = 1; attempt <= 9; attempt++) {
      await until(async () => (peer.connects < attempt && (await to.clock.advance(100)), peer.connects >= attempt), {
        what: `attempt ${attempt}`,
        everyMs: 1,
      });
      atMs.push(to.clock.now() - startMs);
      await until(() => peer.connected === 0, { what: "the end of the attempt", everyMs: 1 });
    }
    const waitsMs = atMs.slice(1).map((ms, i) => ms - (atMs[i] ?? 0));
    expect(waitsMs[0]).toBeLessThan(1_000);
    expect(waitsMs.at(-1)).toBeGreaterThan(7_000);
    expect(Math.max(...waitsMs)).toBeLessThan(11_500);
  });

  test("logs the start and the end of an outage, not each retry, and never the password", async () => {
    await using peer = await startPeer((socket) => socket.destroy());
    await using to = linkTo(peer.url);
    to.link.start();
    await until(async () => (await to.clock.advance(1_000), peer.connects > 5), { what: "some attempts" });
    peer.behaviour = silentBroker;
    await until(async () => (await to.clock.advance(1_000), to.link.state.is === "up"), { what: "the link to be up" });
    expect(to.lines.map((line) => line.split(" ").slice(1, 4).join(" "))).toEqual([
      "WARNING the broker",
      "INFO connected to",
    ]);
    expect(to.lines.join()).not.toMatch(/s@cret|s%40cret/);
  });

  test("says that the broker refuses the login", async () => {
    await using peer = await startPeer(refusingBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    await becomes(to.link, "away");
    expect(to.link.state).toMatchObject({ refused: true, reason: "ACCESS_REFUSED - no" });
    expect(to.lines).toHaveLength(1);
  });

  test("is away when nothing has been heard for 20 s", async () => {
    await using peer = await startPeer(silentBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    await to.link.whenUp(1_000);
    await to.clock.advance(19_000);
    expect(to.link.state.is).toBe("up");
    await to.clock.advance(1_000);
    expect(to.link.state).toMatchObject({ is: "away", reason: "nothing was heard from the broker for 20 s" });
  });

  test("runs its setup on every connect, before it is up", async () => {
    await using peer = await startPeer(channelBroker);
    const seen: LinkState["is"][] = [];
    await using to = linkTo(peer.url, {
      setup: async () => {
        seen.push(to.link.state.is);
      },
    });
    to.link.start();
    await to.link.whenUp(1_000);
    peer.cut();
    await becomes(to.link, "away");
    await until(async () => (await to.clock.advance(500), to.link.state.is === "up"), { what: "the link to be back" });
    expect(seen).toEqual(["connecting", "away"]);
  });

  test("is away while its setup fails", async () => {
    await using peer = await startPeer(channelBroker);
    await using to = linkTo(peer.url, { setup: () => Promise.reject(new AmqpRefused(406, "it differs")) });
    to.link.start();
    await becomes(to.link, "away");
    expect(to.link.state).toMatchObject({ reason: "The broker refused: it differs (406)", refused: false });
  });

  test("goes on when a listener throws", async () => {
    await using peer = await startPeer(silentBroker);
    await using to = linkTo(peer.url);
    to.link.onState(() => {
      throw new Error("no");
    });
    to.link.start();
    await to.link.whenUp(1_000);
    expect(to.lines.join()).toContain("a listener to the broker's state failed");
  });

  test("calls a listener no more that has gone", async () => {
    await using peer = await startPeer(silentBroker);
    await using to = linkTo(peer.url);
    let calls = 0;
    to.link.onState(() => calls++)();
    to.link.start();
    await to.link.whenUp(1_000);
    expect(calls).toBe(0);
  });
});

describe("whenUp()", () => {
  test("rejects with the last reason when its time is over", async () => {
    await using peer = await startPeer((socket) => socket.destroy());
    await using to = linkTo(peer.url);
    to.link.start();
    const reason = reasonOf(to.link.whenUp(3_000));
    await becomes(to.link, "away");
    await to.clock.advance(3_000);
    expect(to.link.state).toMatchObject({ is: "away", reason: await reason });
  });

  test("rejects at once when the broker refuses", async () => {
    await using peer = await startPeer(refusingBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    expect(await reasonOf(to.link.whenUp(60_000))).toBe("ACCESS_REFUSED - no");
    expect(await reasonOf(to.link.whenUp(60_000))).toBe("ACCESS_REFUSED - no");
  });

  test("rejects at once when the link is stopped", async () => {
    await using peer = await startPeer(muteBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    const reason = reasonOf(to.link.whenUp(60_000));
    await to.link.stop(to.clock.now());
    expect(await reason).toBe("the connection was stopped");
    expect(await reasonOf(to.link.whenUp(60_000))).toBe("the connection was stopped");
  });
});

describe("withChannel()", () => {
  test("rejects at once without a connection", async () => {
    await using to = linkTo("amqp://127.0.0.1:1//");
    expect(await reasonOf(to.link.withChannel(() => Promise.resolve()))).toBe("it has not answered yet");
  });

  test("gives what the work gives, and throws what it throws", async () => {
    await using peer = await startPeer(channelBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    await to.link.whenUp(1_000);
    expect(await to.link.withChannel(() => Promise.resolve(7))).toBe(7);
    const broken = to.link.withChannel(() => Promise.reject(new RangeError("too large")));
    await expect(broken).rejects.toThrow(RangeError);
  });

  test("rejects when the broker does not answer in time", async () => {
    await using peer = await startPeer(silentBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    await to.link.whenUp(1_000);
    const reason = reasonOf(to.link.withChannel(() => Promise.resolve(), 3_000));
    await to.clock.advance(3_000);
    expect(await reason).toBe("no answer within 3 s");
  });

  test("rejects when the connection is lost in the middle", async () => {
    await using peer = await startPeer(channelBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    await to.link.whenUp(1_000);
    const reason = reasonOf(to.link.withChannel((channel) => channel.queueDeclare("q")));
    peer.cut();
    expect(await reason).not.toContain("no answer within");
  });
});

describe("openPublisher()", () => {
  const MESSAGE = { exchange: "e", routingKey: "k", body: Uint8Array.of(1), properties: { correlationId: "1" } };
  const CHANNEL_CLOSE = (channel: number) =>
    method(20, 40, [1, 148, ...short("NOT_FOUND - no e"), 0, 60, 0, 40], channel);

  async function opened(behaviour: Behaviour) {
    const peer = await startPeer(behaviour);
    const to = linkTo(peer.url);
    to.link.start();
    await to.link.whenUp(1_000);
    const closes: unknown[] = [];
    const publisher = await to.link.openPublisher((error) => closes.push(error));
    return {
      peer,
      to,
      closes,
      publisher,
      async [Symbol.asyncDispose]() {
        await to[Symbol.asyncDispose]();
        await peer[Symbol.asyncDispose]();
      },
    };
  }

  /** Answers the first publish. */
  const answering =
    (answer: (channel: number) => Buffer): Behaviour =>
    (socket, heard, chunk) => {
      confirmingBroker(socket, heard, chunk);
      const publish = chunk.indexOf(Buffer.from([0, 60, 0, 40]));
      if (publish > 0) socket.write(answer(chunk[publish - 5] ?? 0));
    };

  test("rejects at once without a connection", async () => {
    await using to = linkTo("amqp://127.0.0.1:1//");
    expect(await reasonOf(to.link.openPublisher(() => {}))).toBe("it has not answered yet");
  });

  test("rejects when the broker does not answer in time", async () => {
    await using peer = await startPeer(silentBroker);
    await using to = linkTo(peer.url);
    to.link.start();
    await to.link.whenUp(1_000);
    const reason = reasonOf(to.link.openPublisher(() => {}));
    await to.clock.advance(5_000);
    expect(await reason).toBe("no answer within 5 s");
  });

  test("gives a channel on which the broker takes messages, or not", async () => {
    const verdicts = [method(60, 80, [0, 0, 0, 0, 0, 0, 0, 1, 0]), method(60, 120, [0, 0, 0, 0, 0, 0, 0, 1, 0])];
    const said: unknown[] = [];
    for (const verdict of verdicts) {
      await using all = await opened(answering((channel) => (verdict.writeUInt8(channel, 2), verdict)));
      said.push(await all.publisher.publish(MESSAGE));
    }
    expect(said).toEqual([{ is: "taken" }, { is: "refused" }]);
  });

  test("tells that the broker closed the channel, and with which words; the connection lives on", async () => {
    await using all = await opened(answering(CHANNEL_CLOSE));
    expect(await all.publisher.publish(MESSAGE)).toEqual({ is: "lost" });
    expect(all.closes).toEqual([new AmqpRefused(404, "NOT_FOUND - no e")]);
    expect(all.to.link.state.is).toBe("up");
  });

  test("tells that the connection was lost, once", async () => {
    await using all = await opened(confirmingBroker);
    const published = all.publisher.publish(MESSAGE);
    all.peer.cut();
    expect(await published).toEqual({ is: "lost" });
    await becomes(all.to.link, "away");
    expect(all.closes).toEqual([expect.any(AmqpAway)]);
  });

  test.each([
    ["do not fit into a frame", { long: "x".repeat(9_000) }],
    ["have too long a name", { inner: { ["x".repeat(256)]: 1 } }],
  ])("publishes nothing whose headers %s", async (_, headers) => {
    await using all = await opened(confirmingBroker);
    await expect(all.publisher.publish({ ...MESSAGE, properties: { headers } })).rejects.toBeInstanceOf(Error);
    expect(all.closes).toEqual([]);
  });
});

describe("stop()", () => {
  test("is safe before start, which then does nothing", async () => {
    await using peer = await startPeer(silentBroker);
    const { link, clock } = linkTo(peer.url);
    await link.stop(clock.now());
    link.start();
    await link.stop(clock.now());
    expect([link.state.is, peer.connects]).toEqual(["away", 0]);
  });

  test("ends an attempt to connect", async () => {
    await using peer = await startPeer(muteBroker);
    const { link, clock } = linkTo(peer.url);
    link.start();
    await until(() => peer.connected === 1, { what: "the connection" });
    await link.stop(clock.now() + 60_000);
    await until(() => peer.connected === 0, { what: "the socket to be closed" });
  });

  test("ends the wait for the next attempt", async () => {
    await using peer = await startPeer((socket) => socket.destroy());
    const { link, clock } = linkTo(peer.url);
    link.start();
    await becomes(link, "away");
    await link.stop(clock.now() + 60_000);
    expect(link.state).toMatchObject({ reason: "the connection was stopped" });
  });

  test("waits for a frozen broker until the deadline, and closes the socket", async () => {
    await using peer = await startPeer(silentBroker);
    const { link, clock } = linkTo(peer.url);
    link.start();
    await link.whenUp(1_000);
    let isStopped = false;
    const stopping = link.stop(clock.now() + 2_000).then(() => (isStopped = true));
    await clock.advance(1_900);
    expect(isStopped).toBe(false);
    await clock.advance(200);
    await stopping;
    await until(() => peer.connected === 0, { what: "the socket to be closed" });
  });
});

describe("peers that are no brokers", () => {
  const ATTEMPTS = 200;
  const peers: [string, [Behaviour, ((socket: Socket) => void)?]][] = [
    ["closes at once", [muteBroker, (socket) => socket.destroy()]],
    ["resets at once", [muteBroker, (socket) => socket.resetAndDestroy()]],
    ["ends at once", [muteBroker, (socket) => socket.end()]],
    ["closes on the first byte", [(socket) => socket.destroy()]],
    ["speaks HTTP", [(socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")]],
    ["speaks another AMQP", [(socket) => socket.end("AMQP\x00\x01\x00\x00")]],
    ["sends a frame without an end", [(socket) => socket.write(Buffer.alloc(600, 1))]],
    [
      "sends a frame of an absurd size",
      [(socket) => socket.write(Buffer.from([1, 0, 0, 255, 255, 255, 248, 1, 2, 3]))],
    ],
    ["sends an unreadable table", [(socket) => socket.write(method(10, 30, []))]],
    [
      "closes after its first words",
      [
        (socket, heard) => {
          socket.write(START);
          if (heard === 2) socket.destroy();
        },
      ],
    ],
    ["closes with its first words", [(socket) => socket.end(START)]],
    [
      "closes before the last of the handshake",
      [
        (socket, heard) => {
          if (heard === 1) socket.write(START);
          if (heard === 2) socket.end(TUNE);
        },
      ],
    ],
    ["refuses the login", [refusingBroker]],
  ];

  // bun test itself fails on a rejection or an exception that nobody handles.
  test.each(peers)(
    `one that %s is an ordinary failure, ${ATTEMPTS} times, and leaves nothing open`,
    async (_, [behaviour, onConnect]) => {
      await using peer = await startPeer(behaviour, onConnect);
      const attempt = async () => {
        const options = { url: peer.url, name: "test", clock: systemClock, onBlocked: () => {} };
        const connection = new AmqpConnection(options);
        await expect(connection.open(undefined)).rejects.toBeInstanceOf(AmqpAway);
        connection.kill("abandoned");
      };
      await attempt();
      await until(() => peer.connected === 0, { what: "the first socket to be closed" });
      const before = openFiles();
      for (let round = 0; round < ATTEMPTS / 10; round++) {
        await Promise.all(Array.from({ length: 10 }, attempt));
      }
      await until(() => peer.connected === 0 && openFiles() <= before, { what: `${before} open files, as before` });
      expect(peer.connects).toBe(ATTEMPTS + 1);
    },
    20_000,
  );

  test("a URL that cannot be read is an ordinary failure, and is not shown", async () => {
    const lines: string[] = [];
    const url = "amqp://me:s%40cret@[nowhere]:1//";
    await using to = linkTo(url, { log: recordingLog(lines) });
    to.link.start();
    await becomes(to.link, "away");
    expect(to.link.state).toMatchObject({ reason: "its address cannot be read as a URL" });
    expect(lines.join()).not.toContain("cret");
  });

  test("an IPv6 address is one", async () => {
    await using to = linkTo("amqp://me:you@[::1]:1//", { log: silentLog });
    to.link.start();
    await becomes(to.link, "away");
    expect(to.link.state).toMatchObject({ reason: expect.stringMatching(/ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT/) });
  });
});

const openFiles = () => readdirSync("/proc/self/fd").length;

/** A method frame. */
function method(classId: number, methodId: number, args: number[], channel = 0): Buffer {
  const size = 4 + args.length;
  return Buffer.from([1, 0, channel, 0, 0, size >> 8, size & 255, 0, classId, 0, methodId, ...args, 206]);
}

function long(text: string): number[] {
  return [0, 0, 0, text.length, ...Buffer.from(text)];
}

function short(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

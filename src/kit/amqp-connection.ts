/* oxlint-disable unicorn/prefer-add-event-listener -- the client has only its own onerror properties. */
import { AMQPClient, AMQPError, type AMQPChannel } from "@cloudamqp/amqp-client";
import { CorkedWrites, SmallBuffers } from "./amqp-buffers.ts";
import { AmqpPublisher, type Publisher } from "./amqp-publisher.ts";
import { mendTables } from "./amqp-tables.ts";
import type { Clock } from "./clock.ts";

/** There is no connection to the broker, or it was lost before the answer came. The reason holds no password. */
export class AmqpAway extends Error {
  readonly reason: string;
  /** The broker answers, and refuses the login or the virtual host. */
  readonly refused: boolean;

  constructor(reason: string, refused = false) {
    super(`The broker cannot be used: ${reason}`);
    this.name = "AmqpAway";
    this.reason = reason;
    this.refused = refused;
  }
}

/** The broker refused a command, in its own words: 403 access, 404 not found, 405 locked, 406 differs, 503 invalid… */
export class AmqpRefused extends Error {
  readonly replyCode: number;
  readonly replyText: string;

  constructor(replyCode: number, replyText: string) {
    super(`The broker refused: ${replyText} (${replyCode})`);
    this.name = "AmqpRefused";
    this.replyCode = replyCode;
    this.replyText = replyText;
  }
}

/** Why a connection ended; `refused` as in AmqpAway. */
export interface Loss {
  readonly reason: string;
  readonly refused: boolean;
}

export interface AmqpConnectionOptions {
  readonly url: string;
  /** Shown by the broker among its connections. */
  readonly name: string;
  readonly clock: Clock;
  /** Called with the broker's reason when it stops accepting messages, with undefined when it accepts them again. */
  readonly onBlocked: (reason: string | undefined) => void;
  /** Called each time that an open connection was looked at. */
  readonly onWatched?: () => void;
}

const CONNECT_MS = 5_000;
const HEARTBEAT_S = 10;
/** The broker sends a heartbeat every HEARTBEAT_S / 2, so this is four missed ones. */
const SILENCE_MS = 2 * HEARTBEAT_S * 1000;
const WATCH_EVERY_MS = 5_000;

const LOGIN_REFUSED = new Set([403, 530]);
/** Reply codes that close the connection because of what was asked, not because of the broker's own state. */
const BLAMES_THE_COMMAND = new Set([501, 502, 503, 504, 505, 530, 540]);

mendTables();

type Fail = (error: AmqpAway | AmqpRefused) => void;

/**
 * One attempt to connect and the connection that comes of it. Never used twice: a client that failed keeps old sockets.
 * It ends once, and `lost` then resolves with the reason; every call that waits is failed at that moment.
 */
export class AmqpConnection {
  readonly lost: Promise<Loss>;
  readonly #clock: Clock;
  readonly #onWatched: () => void;
  readonly #client: GuardedClient;
  readonly #waiting = new Set<Fail>();
  readonly #publishers = new Set<Fail>();
  #resolveLost: (loss: Loss) => void = () => {};
  #loss: Loss | undefined;
  #isOpen = false;
  #cancelWatch = () => {};

  /** Throws AmqpAway for a URL that cannot be read. */
  constructor(options: AmqpConnectionOptions) {
    this.#clock = options.clock;
    this.#onWatched = options.onWatched ?? (() => {});
    this.lost = new Promise((resolve) => {
      this.#resolveLost = resolve;
    });
    this.#client = createClient(options);
    this.#client.onabandon = (reason) => this.kill(reason);
    this.#client.onerror = (error) => this.#endedWith(error.message);
    const onBlocked = (reason: string | undefined) => {
      if (!this.#loss) options.onBlocked(reason);
    };
    this.#client.onblocked = onBlocked;
    this.#client.onunblocked = () => onBlocked(undefined);
  }

  /** Connects, and runs `setup` on a channel that lives as long as the connection. Throws AmqpAway, AmqpRefused. */
  async open(setup: ((channel: AMQPChannel) => Promise<void>) | undefined): Promise<void> {
    await this.#bounded(this.#connect(), CONNECT_MS);
    this.#isOpen = true;
    this.#watch();
    if (setup) await this.#bounded(this.#keepChannel(setup), CONNECT_MS);
  }

  /** See AmqpLink.withChannel. */
  async withChannel<T>(work: (channel: AMQPChannel) => Promise<T>, timeoutMs: number): Promise<T> {
    let channel: AMQPChannel | undefined;
    let isOver = false;
    const opened = async () => {
      channel = await this.#client.channel().catch(asAway);
      if (isOver) throw new AmqpAway("no time left");
      return onChannel(channel, work);
    };
    try {
      return await this.#bounded(opened(), timeoutMs);
    } finally {
      isOver = true;
      if (channel?.closed === false) channel.close().catch(() => {});
    }
  }

  /** See AmqpLink.openPublisher. */
  async openPublisher(onClosed: Fail): Promise<Publisher> {
    let isOver = false;
    const opened = async () => {
      const channel = await this.#client.channel().catch(asAway);
      if (isOver) channel.close().catch(() => {});
      else await onChannel(channel, () => channel.confirmSelect());
      return channel;
    };
    const channel = await this.#bounded(opened(), CONNECT_MS).finally(() => {
      isOver = true;
    });
    if (this.#loss) throw new AmqpAway(this.#loss.reason, this.#loss.refused);
    this.#publishers.add(onClosed);
    channel.onerror = (message) => {
      // Told for all channels when the connection ends, which is heard of anyway.
      if (!message.startsWith("channel ") || !this.#publishers.delete(onClosed)) return;
      const { code, text } = parseClose(message);
      onClosed(code === undefined ? new AmqpAway(text) : new AmqpRefused(code, text));
    };
    return new AmqpPublisher(channel);
  }

  /** Says goodbye and closes, at the latest at `deadlineMs` (clock time), with or without an answer. */
  async close(deadlineMs: number): Promise<void> {
    const leftMs = deadlineMs - this.#clock.now();
    if (this.#isOpen && !this.#loss && leftMs > 0) {
      this.#client.close().catch(() => {});
      const giveUp = new AbortController();
      const late = this.#clock.sleep(leftMs, giveUp.signal);
      await Promise.race([this.lost, late]);
      giveUp.abort();
    }
    this.kill("closed");
  }

  /** Ends the connection at once. */
  kill(reason: string): void {
    this.#end({ reason, refused: false });
  }

  async #connect(): Promise<void> {
    const handshake = this.#client.connect();
    const socket = this.#client.socket;
    socket?.on("close", () => this.#end({ reason: "the connection was closed", refused: false }));
    await handshake.catch((error: Error) => this.#endedWith(error.message));
    if (this.#loss) throw new AmqpAway(this.#loss.reason, this.#loss.refused);
  }

  async #keepChannel(setup: (channel: AMQPChannel) => Promise<void>): Promise<void> {
    const channel = await this.#client.channel().catch(asAway);
    channel.onerror = (message) => this.kill(`the broker closed a channel: ${parseClose(message).text}`);
    await setup(channel);
  }

  /**
   * Kills the connection when the broker sends nothing, not even heartbeats. The client's own timer is reset by what we send.
   * Silence is counted in looks: a clock that was set, or a machine that was paused, says nothing of the broker.
   */
  #watch(): void {
    let silentLooks = 0;
    this.#client.socket?.on("data", () => {
      silentLooks = 0;
    });
    const look = () => {
      if (this.#loss) return;
      this.#onWatched();
      if (silentLooks++ * WATCH_EVERY_MS >= SILENCE_MS) {
        this.kill(`nothing was heard from the broker for ${SILENCE_MS / 1000} s`);
      } else this.#cancelWatch = this.#clock.after(WATCH_EVERY_MS, look);
    };
    look();
  }

  /** `promise`, but failed at the latest when the connection is lost or after `timeoutMs`. */
  #bounded<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail: Fail = (error) => {
        settled();
        reject(error);
      };
      const cancel = this.#clock.after(timeoutMs, () => {
        fail(new AmqpAway(`no answer within ${timeoutMs / 1000} s`));
      });
      const settled = () => {
        cancel();
        this.#waiting.delete(fail);
      };
      this.#waiting.add(fail);
      promise.then(resolve, reject).finally(settled);
    });
  }

  #endedWith(message: string): void {
    const { code, text } = parseClose(message);
    const isLogin = !this.#isOpen && code !== undefined && LOGIN_REFUSED.has(code);
    // Only a command that was alone on the connection can be blamed; otherwise nobody knows whose it was.
    const isBlamed = this.#isOpen && code !== undefined && BLAMES_THE_COMMAND.has(code) && this.#waiting.size === 1;
    this.#end({ reason: text, refused: isLogin }, isBlamed ? new AmqpRefused(code, text) : undefined);
  }

  #end(loss: Loss, error: AmqpAway | AmqpRefused = new AmqpAway(loss.reason, loss.refused)): void {
    if (this.#loss) return;
    this.#loss = loss;
    this.#cancelWatch();
    for (const fail of this.#waiting) fail(error);
    for (const onClosed of this.#publishers) onClosed(new AmqpAway(loss.reason, loss.refused));
    this.#publishers.clear();
    // Not at once: the client may be about to answer the broker's goodbye.
    const socket = this.#client.socket;
    setImmediate(() => socket?.destroy());
    this.#resolveLost(loss);
  }
}

function createClient({ url, name }: AmqpConnectionOptions): GuardedClient {
  try {
    const parsed = new URL(url);
    parsed.searchParams.set("heartbeat", String(HEARTBEAT_S));
    parsed.searchParams.set("name", name);
    return new GuardedClient(parsed.href);
  } catch {
    // The original error shows the URL, password and all.
    throw new AmqpAway("its address cannot be read as a URL");
  }
}

/** Runs `work`; what the broker says when it closes the channel becomes AmqpRefused, other errors of the client AmqpAway. */
async function onChannel<T>(channel: AMQPChannel, work: (channel: AMQPChannel) => Promise<T>): Promise<T> {
  let closed: string | undefined;
  channel.onerror = (message) => {
    closed = message;
  };
  try {
    return await work(channel);
  } catch (error) {
    if (!(error instanceof AMQPError)) throw error;
    const { code, text } = parseClose(closed ?? error.message);
    throw code === undefined ? new AmqpAway(text) : new AmqpRefused(code, text);
  }
}

function asAway(error: Error): never {
  throw new AmqpAway(parseClose(error.message).text);
}

/** The client's texts for a close by the broker: `connection closed: <text> (<code>)`, `channel 3 closed: <text> (<code>)`. */
function parseClose(message: string): { code: number | undefined; text: string } {
  const match = /^(?:Channel \d+ closed: )?(?:(?:connection|channel \d+) closed: )?(.*?)(?: \((\d+)\))?$/s.exec(
    message,
  );
  return { code: match?.[2] === undefined ? undefined : Number(match[2]), text: match?.[1] ?? message };
}

const FRAME_METHOD = 1;
const FIRST_FRAME_BYTES = 65_536;

/**
 * The client with its holes closed: as it comes, peers that close in the handshake cause unhandled rejections, peers that
 * do not speak AMQP cause uncaught exceptions, and a publish that is cut off in the middle does too.
 */
class GuardedClient extends AMQPClient {
  onabandon: (reason: string) => void = () => {};
  readonly #writes: CorkedWrites;

  constructor(url: string) {
    super(url);
    this.#writes = new CorkedWrites((bytes) => {
      super.send(bytes).catch((error: Error) => this.onabandon(error.message));
    });
    // A URL has an IPv6 address in brackets, a socket wants it without.
    Object.assign(this, { host: this.host.replace(/^\[(.*)\]$/, "$1"), bufferPool: new SmallBuffers() });
    this["onRead"] = guardedRead(this["onRead"].bind(this), (reason) => this.onabandon(reason));
  }

  /**
   * Resolves at once. A write that fails ends the connection, which fails all that waits; told here as well, the client
   * would fail in its own handlers, and leave rejections that nobody handles.
   */
  override send(bytes: Uint8Array): Promise<void> {
    this.#writes.add(bytes);
    return Promise.resolve();
  }
}

function guardedRead(read: (bytes: Buffer) => boolean, abandon: (reason: string) => void): (bytes: Buffer) => boolean {
  let isFirst = true;
  let isAbandoned = false;
  const give = (reason: string) => {
    isAbandoned = true;
    abandon(reason);
  };
  return (bytes) => {
    if (isAbandoned) return true;
    if (isFirst && !looksLikeAmqp(bytes)) give("it does not speak AMQP 0-9-1");
    isFirst = false;
    try {
      return isAbandoned || read(bytes);
    } catch (error) {
      give(`what it sent cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      return true;
    }
  };
}

/** A broker begins with a method on channel 0, of a modest size. */
function looksLikeAmqp(bytes: Buffer): boolean {
  if (bytes[0] !== FRAME_METHOD) return false;
  return bytes.length < 7 || (bytes.readUInt16BE(1) === 0 && bytes.readUInt32BE(3) <= FIRST_FRAME_BYTES);
}

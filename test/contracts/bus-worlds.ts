import { AmqpBus } from "../../src/bus/amqp-bus.ts";
import type { Bus, BusOptions, Json, Member, MemberChange } from "../../src/bus/bus.ts";
import { MemoryBus } from "../../src/bus/memory-bus.ts";
import { MemoryNetwork } from "../../src/bus/memory-network.ts";
import type { CymeError } from "../../src/domain/errors.ts";
import { AmqpLink, type AMQPChannel } from "../../src/kit/amqp.ts";
import { ManualClock, systemClock, type Clock } from "../../src/kit/clock.ts";
import { recordingLog } from "../celery/recording-log.ts";
import { openPipe, type Pipe } from "../harness/pipe.ts";
import { freshVhost, startRabbit, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";

type Handle = BusOptions["handle"];

interface Parts {
  readonly key?: string;
  readonly handle?: Handle;
  readonly controllers?: number;
  readonly facts?: () => Json;
}

/** A branch on the bus, and what it was told and asked. */
export interface Branch {
  readonly id: string;
  readonly bus: Bus;
  readonly changes: [MemberChange, Member][];
  readonly refusals: CymeError[];
  /** `method` of what it began to do. */
  readonly begun: string[];
  readonly lines: string[];
}

/** A queue of somebody who is no branch. */
interface Outsider {
  readonly address: string;
  /** What came, read. */
  readonly messages: Record<string, Json>[];
}

type Each<T extends readonly string[]> = { [Index in keyof T]: Branch };

/** Where the same things happen to either bus. */
export interface World extends AsyncDisposable {
  readonly clock: Clock;
  /** A branch that has been started. */
  start(id: string, parts?: Parts): Branch;
  /** Branches that serve and know each other. */
  cluster<T extends readonly string[]>(...ids: T): Promise<Each<T>>;
  /** Waits until it is so. */
  eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void>;
  /** What it comes to. */
  settled<T>(work: Promise<T>): Promise<T>;
  /** Nothing is heard of it any more, and the broker does not know. */
  freeze(branch: Branch): void;
  thaw(branch: Branch): void;
  /** It ends without a word, and the broker knows. */
  kill(branch: Branch): void;
  /** It loses its connections to the broker. */
  cut(branch: Branch): void;
  mend(branch: Branch): void;
  stopBroker(): Promise<void>;
  startBroker(): Promise<void>;
  /** Puts a message into the queue of that address, or, without one, into everybody's. */
  inject(address: string | undefined, body: string | Uint8Array): Promise<void>;
  outsider(): Promise<Outsider>;
}

export const idsOf = ({ bus }: Branch) => bus.members().map(({ id }) => id);

/** The inbox of a branch, as its name is made. */
export function inboxOf({ id, bus }: Branch): string {
  const own = bus.members().find((member) => member.id === id);
  return `cyme.branch.${id}.${own?.incarnation}`;
}

/** Answers with who did what. */
const echo =
  (id: string): Handle =>
  async (method, args, from) => ({ by: id, method, args, from });

type Make = (options: BusOptions) => Bus;

function makeBranch(id: string, parts: Parts, clock: Clock, make: Make): Branch {
  const { key = `key of ${id}`, handle = echo(id), controllers = 2, facts = () => ({ url: `http://${id}` }) } = parts;
  const branch = {
    id,
    changes: [] as [MemberChange, Member][],
    refusals: [] as CymeError[],
    begun: [] as string[],
    lines: [] as string[],
  };
  const bus = make({
    self: { id, key, version: "1.2.3", facts },
    handle: (method, args, from, signal) => {
      branch.begun.push(method);
      return handle(method, args, from, signal);
    },
    controllers,
    clock,
    log: recordingLog(branch.lines),
    onRefused: (why) => branch.refusals.push(why),
  });
  bus.onMember((change, member) => branch.changes.push([change, member]));
  return { ...branch, bus };
}

/** What both worlds have of branches. */
function clusterOf(world: Pick<World, "start" | "eventually">): World["cluster"] {
  return async <T extends readonly string[]>(...ids: T) => {
    const branches = ids.map((id) => world.start(id));
    const wanted = ids.toSorted().join();
    await world.eventually(
      () => branches.every((branch) => branch.bus.state.is === "up" && idsOf(branch).join() === wanted),
      `${wanted} to know each other`,
    );
    return branches as Each<T>;
  };
}

const STEP_MS = 20;
const PATIENCE_MS = 120_000;

export async function openMemory(): Promise<World> {
  const clock = new ManualClock();
  const network = new MemoryNetwork(clock);
  const buses = new Map<Branch, MemoryBus>();
  const busOf = (branch: Branch) => {
    const bus = buses.get(branch);
    if (!bus) throw new Error(`${branch.id} is of another world`);
    return bus;
  };
  const eventually: World["eventually"] = async (condition, what) => {
    for (let waitedMs = 0; !(await condition()); waitedMs += STEP_MS) {
      if (waitedMs > PATIENCE_MS) throw new Error(`Waited ${PATIENCE_MS} ms of the test's clock for ${what}`);
      await clock.advance(STEP_MS);
    }
  };
  const start: World["start"] = (id, parts = {}) => {
    const own: { bus?: MemoryBus } = {};
    const branch = makeBranch(id, parts, clock, (options) => {
      own.bus = new MemoryBus(options, network);
      return own.bus;
    });
    if (own.bus) buses.set(branch, own.bus);
    branch.bus.start();
    return branch;
  };
  return {
    clock,
    start,
    cluster: clusterOf({ start, eventually }),
    eventually,
    async settled(work) {
      let isSettled = false;
      const end = () => {
        isSettled = true;
      };
      work.then(end, end);
      await eventually(() => isSettled, "work to settle");
      return work;
    },
    freeze: (branch) => network.freeze(busOf(branch)),
    thaw: (branch) => network.thaw(busOf(branch)),
    kill: (branch) => network.kill(busOf(branch)),
    cut: (branch) => network.cut(busOf(branch)),
    mend: (branch) => network.mend(busOf(branch)),
    stopBroker: async () => network.stopBroker(),
    startBroker: async () => network.startBroker(),
    inject: async (address, body) => network.inject(address, Buffer.from(body)),
    async outsider() {
      const outsider: Outsider = { address: `outsider-${crypto.randomUUID()}`, messages: [] };
      network.tap(outsider.address, (body) => outsider.messages.push(JSON.parse(Buffer.from(body).toString())));
      return outsider;
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** A world in which a test can do to the broker what somebody else may do. */
interface AmqpWorld extends World {
  onBroker<T>(work: (channel: AMQPChannel) => Promise<T>): Promise<T>;
}

interface Broker extends AsyncDisposable {
  readonly url: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

const fixed = () => Promise.reject(new Error("This broker is shared: nobody may stop it"));

/** Those that no world uses: making one costs a second, and a world leaves nothing behind. */
const vhosts: Vhost[] = [];

export async function dropVhosts(): Promise<void> {
  for (const vhost of vhosts.splice(0)) await vhost.drop();
}

/** Over a virtual host of the broker that tests share. */
export async function openAmqp(): Promise<AmqpWorld> {
  const vhost = vhosts.pop() ?? (await freshVhost());
  const giveBack = async () => void vhosts.push(vhost);
  return openAmqpOver({ ...vhost, stop: fixed, start: fixed, [Symbol.asyncDispose]: giveBack });
}

/** Over a broker of its own, which can be stopped. */
export async function openOwnAmqp(): Promise<AmqpWorld> {
  return openAmqpOver(await startRabbit());
}

async function openAmqpOver(broker: Broker): Promise<AmqpWorld> {
  const pipes = new Map<Branch, Pipe>();
  const pipeOf = (branch: Branch) => {
    const pipe = pipes.get(branch);
    if (!pipe) throw new Error(`${branch.id} is of another world`);
    return pipe;
  };
  const spare: Pipe[] = await Promise.all(Array.from({ length: 8 }, () => openPipe(broker.url)));
  const links: AmqpLink[] = [];
  const newLink = async (setup?: ConstructorParameters<typeof AmqpLink>[0]["setup"]) => {
    const link = new AmqpLink({
      url: broker.url,
      label: "the broker",
      connectionName: "outsider",
      clock: systemClock,
      log: recordingLog([]),
      ...(setup && { setup }),
    });
    links.push(link);
    link.start();
    await link.whenUp(10_000);
    return link;
  };
  const eventually: World["eventually"] = async (condition, what) => {
    await until(condition, { what, timeoutMs: 40_000 });
  };
  const start: World["start"] = (id, parts = {}) => {
    const pipe = spare.pop();
    if (!pipe) throw new Error("This world has no room for another branch");
    const branch = makeBranch(
      id,
      parts,
      systemClock,
      (options) => new AmqpBus({ ...options, url: pipe.url, label: "the broker" }),
    );
    pipes.set(branch, pipe);
    branch.bus.start();
    return branch;
  };
  let hand: AmqpLink | undefined;
  const onBroker: AmqpWorld["onBroker"] = async (work) => {
    hand ??= await newLink();
    return hand.withChannel(work);
  };
  return {
    onBroker,
    clock: systemClock,
    start,
    cluster: clusterOf({ start, eventually }),
    eventually,
    settled: (work) => work,
    freeze: (branch) => pipeOf(branch).pause(),
    thaw: (branch) => pipeOf(branch).resume(),
    kill: (branch) => pipeOf(branch).cut(),
    cut: (branch) => pipeOf(branch).cut(),
    mend: (branch) => pipeOf(branch).mend(),
    stopBroker: () => broker.stop(),
    startBroker: () => broker.start(),
    async inject(address, body) {
      const [exchange, key] = address === undefined ? ["cyme.bus", ""] : ["", address];
      await onBroker(async (channel) => {
        await channel.confirmSelect();
        await channel.basicPublish(exchange, key, body);
      });
    },
    async outsider() {
      const outsider = { address: "", messages: [] as Record<string, Json>[] };
      await newLink(async (channel) => {
        outsider.address = (await channel.queueDeclare("", { exclusive: true, durable: false })).name;
        await channel.basicConsume(outsider.address, { noAck: true }, (message) => {
          outsider.messages.push(JSON.parse(message.bodyString() ?? ""));
        });
      });
      return outsider;
    },
    async [Symbol.asyncDispose]() {
      for (const pipe of pipes.values()) pipe.resume();
      const deadlineMs = Date.now() + 3_000;
      await Promise.all([...pipes.keys()].map(({ bus }) => bus.stop(deadlineMs)));
      await Promise.all(links.map((link) => link.stop(deadlineMs)));
      await Promise.all([...pipes.values(), ...spare].map((pipe) => pipe.close()));
      await broker[Symbol.asyncDispose]();
    },
  };
}

import type { Branch } from "../harness/branch.ts";
import type { Pipe } from "../harness/pipe.ts";
import { processes } from "../harness/processes.ts";
import type { Rabbit } from "../harness/rabbit.ts";
import type { Disk } from "./disk.ts";
import { MEMBERS, type Member } from "./fleet.ts";
import type { Ledger } from "./ledger.ts";
import type { Watch } from "./watch.ts";

/** What things are done to, and what keeps account of them. */
export interface World {
  readonly branch: Branch;
  readonly rabbit: Rabbit;
  /** The way of the app `far` to the broker. */
  readonly pipe: Pipe;
  /** Where the branch keeps its files; undefined where nothing can be mounted. */
  readonly disk: Disk | undefined;
  readonly ledger: Ledger;
  readonly watch: Watch;
  readonly random: () => number;
  /** Workers to leave alone: those that are given a long task. */
  readonly spared: ReadonlySet<string>;
  /** After so much silence a worker is restarted. */
  readonly unresponsiveMs: number;
}

/** A number of milliseconds in between. */
const between = ({ random }: World, fromMs: number, toMs: number) => fromMs + Math.floor(random() * (toMs - fromMs));

function pick<T>({ random }: World, all: readonly T[]): T | undefined {
  return all[Math.floor(random() * all.length)];
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false; // It has ended.
  }
}

// --- what is done to one worker ---

/** At most so many are stopped for good at a time: until somebody notices they answer nothing. */
const STOPPED_AT_ONCE = 3;

type SmallFault = (world: World, pid: number, member: Member) => void;

const fatal =
  (signal: "SIGKILL" | "SIGTERM"): SmallFault =>
  ({ ledger }, pid) => {
    ledger.ended(pid, signal);
    if (send(pid, signal)) ledger.count(`worker ${signal}`);
  };

const stopForGood: SmallFault = ({ ledger, watch }, pid) => {
  const stopped = MEMBERS.filter(({ name }) => ledger.hasEnded(watch.living(name) ?? 0));
  if (stopped.length >= STOPPED_AT_ONCE) return;
  ledger.ended(pid, "SIGSTOP");
  if (send(pid, "SIGSTOP")) ledger.count("worker SIGSTOP");
};

/** So short that nobody may take offence. */
const stopShortly: SmallFault = (world, pid) => {
  if (!send(pid, "SIGSTOP")) return;
  world.ledger.count("worker SIGSTOP and SIGCONT");
  setTimeout(() => send(pid, "SIGCONT"), between(world, 200, world.unresponsiveMs / 4));
};

const killChild: SmallFault = (world, pid) => {
  const child = pick(
    world,
    processes().filter(({ session, pid: own }) => session === pid && own !== pid),
  );
  if (!child) return;
  world.ledger.wounded(pid);
  if (send(child.pid, "SIGKILL")) world.ledger.count("pool child SIGKILL");
};

const SMALL: readonly [share: number, fault: SmallFault][] = [
  [0.35, fatal("SIGKILL")],
  [0.55, fatal("SIGTERM")],
  [0.65, stopForGood],
  [0.8, stopShortly],
  [1, killChild],
];

/** Something happens to a worker that runs and to which nothing has happened yet that it cannot survive. */
export function smallFault(world: World): void {
  const { watch, ledger, spared, random } = world;
  const living = MEMBERS.flatMap((member) => {
    const pid = watch.living(member.name);
    return pid === undefined || ledger.hasEnded(pid) || spared.has(member.name) ? [] : [{ member, pid }];
  });
  const victim = pick(world, living);
  if (!victim) return;
  const dice = random();
  SMALL.find(([share]) => dice < share)?.[1](world, victim.pid, victim.member);
}

// --- what happens to the branch, the broker, the disk, the machine ---

export interface LargeFault {
  readonly what: string;
  /** Whether nothing is to happen to single workers meanwhile. */
  readonly isAlone?: boolean;
  /** Resolves when it is over. */
  readonly happen: (world: World) => Promise<void>;
}

async function killBranch(world: World, signal: NodeJS.Signals): Promise<void> {
  await world.branch.stop(signal);
  await Bun.sleep(between(world, 0, 2000));
  await world.branch.restart();
}

/** The branch, then the workers; those that were stopped before stay so. */
async function pauseMachine(world: World): Promise<void> {
  const { branch, ledger } = world;
  const workers = (await branch.workers()).map(({ pid }) => pid).filter((pid) => !ledger.hasEnded(pid));
  const all = [branch.pid, ...workers];
  for (const pid of all) send(pid, "SIGSTOP");
  await Bun.sleep(world.unresponsiveMs + between(world, 1000, 3000));
  for (const pid of all.toReversed()) send(pid, "SIGCONT");
}

/** By then a worker that could not write has ended, and its end is told. */
const AFTER_FULL_MS = 5000;

export const LARGE: readonly LargeFault[] = [
  { what: "the branch killed", happen: (world) => killBranch(world, "SIGKILL") },
  { what: "the branch stopped and started", happen: (world) => killBranch(world, "SIGTERM") },
  {
    what: "the broker stopped and started",
    async happen(world) {
      await world.rabbit.stop();
      await Bun.sleep(between(world, 500, 3000));
      await world.rabbit.start();
    },
  },
  {
    what: "the broker killed, the branch killed meanwhile",
    async happen(world) {
      await world.rabbit.kill();
      await killBranch(world, "SIGKILL");
      await world.rabbit.start();
    },
  },
  {
    what: "the broker frozen",
    async happen(world) {
      world.rabbit.pause();
      await Bun.sleep(between(world, 3000, 6000));
      world.rabbit.resume();
    },
  },
  {
    what: "a way to the broker cut",
    async happen(world) {
      world.pipe.cut();
      await Bun.sleep(between(world, 1000, 4000));
      world.pipe.mend();
    },
  },
  {
    what: "a way to the broker half open",
    async happen(world) {
      world.pipe.pause();
      await Bun.sleep(between(world, world.unresponsiveMs, 1.3 * world.unresponsiveMs));
      world.pipe.resume();
    },
  },
  {
    what: "a way to the broker slow",
    async happen(world) {
      world.pipe.delay(between(world, 300, 1200));
      await Bun.sleep(between(world, 3000, 6000));
      world.pipe.delay(0);
    },
  },
  {
    what: "the disk full",
    async happen(world) {
      const fromMs = Date.now();
      world.disk?.fill();
      await Bun.sleep(between(world, 2000, 5000));
      world.disk?.free();
      world.ledger.troubled(fromMs, Date.now() + AFTER_FULL_MS);
    },
  },
  { what: "the machine paused", isAlone: true, happen: pauseMachine },
];

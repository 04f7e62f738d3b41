import { describe, expect, test } from "bun:test";
import type { LinkState } from "../kit/amqp.ts";
import { ManualClock } from "../kit/clock.ts";
import { Hearing, type Silence, type UnansweredWorker } from "./hearing.ts";

const SECOND_MS = 1000;
const INTERVAL_MS = 5 * SECOND_MS;
const LIMITS = {
  intervalMs: INTERVAL_MS,
  waitAfterBrokerRevivedMs: 35 * SECOND_MS,
  unresponsiveAfterMs: 60 * SECOND_MS,
};

const silent = (name: string, fields: Partial<UnansweredWorker> = {}): UnansweredWorker => ({
  name,
  excuse: null,
  isStopped: false,
  ...fields,
});

class Rounds {
  readonly clock = new ManualClock();
  readonly hearing = new Hearing(this.clock, LIMITS);
  link: LinkState = { is: "up", sinceMs: 0 };
  hasEcho = true;
  echoes = 0;

  async round(silentOnes: UnansweredWorker[], answered = 1): Promise<Map<string, Silence>> {
    await this.clock.advance(INTERVAL_MS);
    const echo = () => {
      this.echoes++;
      return Promise.resolve(this.hasEcho);
    };
    return this.hearing.judge(this.link, silentOnes, answered, echo);
  }

  /** So long that the broker was up for long enough; all answer. */
  async settled(): Promise<Rounds> {
    for (let ms = 0; ms <= LIMITS.waitAfterBrokerRevivedMs; ms += INTERVAL_MS) await this.round([]);
    return this;
  }
}

const rounds = () => new Rounds().settled();

describe("a silent worker was silent", () => {
  test("where another one answered, for as long as the round before was ago", async () => {
    const all = await rounds();
    const heard = await all.round([silent("web")]);
    expect(heard.get("web")).toMatchObject({ addedMs: INTERVAL_MS, witness: "another worker", isProbe: false });
    expect(all.echoes).toBe(0);
  });
  test("where there is no other one, and a message of ours came back", async () => {
    const all = await rounds();
    expect((await all.round([silent("web")], 0)).get("web")).toMatchObject({ addedMs: INTERVAL_MS, witness: "echo" });
  });
  test("where all others have an excuse, and a message of ours came back", async () => {
    const all = await rounds();
    const heard = await all.round([silent("web"), silent("busy", { excuse: "its process is working" })], 0);
    expect(heard.get("web")).toMatchObject({ addedMs: INTERVAL_MS, witness: "echo", excuse: null });
    expect(heard.get("busy")).toMatchObject({ excuse: "its process is working" });
  });
  test("where its process is stopped, whoever else is silent", async () => {
    const all = await rounds();
    all.hasEcho = false;
    const heard = await all.round([silent("web", { isStopped: true }), silent("a"), silent("b")], 0);
    expect(heard.get("web")).toMatchObject({ addedMs: INTERVAL_MS, witness: "its process" });
    expect(heard.get("a")?.addedMs).toBeUndefined();
  });
});

describe("nobody can say that a worker was silent", () => {
  test("where no message of ours comes back: the broker is stuck", async () => {
    const all = await rounds();
    all.hasEcho = false;
    const heard = await all.round([silent("web")], 0);
    expect(heard.get("web")).toMatchObject({ addedMs: undefined, witness: null, isProbe: false });
  });
  test("where two or more are silent and nobody answers", async () => {
    const all = await rounds();
    for (const { addedMs } of (await all.round([silent("a"), silent("b")], 0)).values()) {
      expect(addedMs).toBeUndefined();
    }
  });
  test("before the broker was up for long enough; then only the time since", async () => {
    const all = new Rounds();
    const added = [];
    for (let ms = 0; ms <= 40 * SECOND_MS; ms += INTERVAL_MS) {
      added.push((await all.round([silent("web")])).get("web")?.addedMs);
    }
    expect(added).toEqual([...Array.from({ length: 7 }, () => undefined), 0, INTERVAL_MS]);
  });
  test("anew after each outage", async () => {
    const all = await rounds();
    all.link = { is: "up", sinceMs: 7 };
    expect((await all.round([silent("web")])).get("web")?.addedMs).toBeUndefined();
  });
  test("for the time in which nobody looked", async () => {
    const all = await rounds();
    await all.clock.advance(3_600_000);
    expect((await all.round([silent("web")])).get("web")?.addedMs).toBe(2 * INTERVAL_MS);
  });
});

describe("where nobody answers", () => {
  const nobody = [silent("zeta"), silent("beta"), silent("alpha", { excuse: "its process is working" })];

  async function probes(all: Rounds, times: number): Promise<(string | undefined)[]> {
    const found = [];
    for (let time = 0; time < times; time++) {
      const heard = await all.round(nobody, 0);
      found.push([...heard].find(([, { isProbe }]) => isProbe)?.[0]);
    }
    return found;
  }

  test("the first by name that has no excuse is tried after five times the patience, and again after as long", async () => {
    const all = await rounds();
    const found = await probes(all, 123);
    expect(found.flatMap((name, at) => (name === undefined ? [] : [[name, at]]))).toEqual([
      ["beta", 60],
      ["beta", 121],
    ]);
  });
  test("one that answers meanwhile makes that time begin anew", async () => {
    const all = await rounds();
    await probes(all, 50);
    await all.round([silent("zeta")], 1);
    expect((await probes(all, 50)).filter(Boolean)).toEqual([]);
  });
  test("none is tried while no message of ours comes back", async () => {
    const all = await rounds();
    all.hasEcho = false;
    expect((await probes(all, 200)).filter(Boolean)).toEqual([]);
  });
});

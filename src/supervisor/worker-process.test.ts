import { afterEach, describe, expect, mock, spyOn, test } from "bun:test";
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { NoRoomError } from "../kit/processes.ts";
import { isRoot } from "../kit/users.ts";
import { TestBranch } from "./test-support.ts";
import * as users from "./worker-user.ts";

const SECOND_MS = 1000;
const NOBODY = { name: "nobody", uid: 65_534, gid: 65_534, home: "/nonexistent" };

afterEach(() => mock.restore());

test.each(["worker.pid", "worker.pid.new"])(
  "a folder called %s is not in the way of a worker, nor of its burial",
  async (name) => {
    await using branch = new TestBranch();
    mkdirSync(join(branch.folder("web"), name), { recursive: true });
    await branch.add("web");
    await branch.clock.advance(SECOND_MS);
    await branch.die("web");
    await branch.clock.advance(5 * SECOND_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1 });
    expect(branch.history("web")).toEqual(["started", "died", "started"]);
    expect(branch.processes.workers).toHaveLength(2);
  },
);

test("worker.pid is written once what was in its way is gone, also by a branch that starts again", async () => {
  await using branch = new TestBranch();
  const file = join(branch.folder("web"), "worker.pid");
  mkdirSync(file, { recursive: true });
  await branch.add("web");
  await branch.clock.advance(60 * SECOND_MS);
  rmdirSync(file);
  await branch.clock.advance(10 * SECOND_MS);
  const named = `${branch.processes.worker("web").id.pid}\n`;
  expect(readFileSync(file, "utf8")).toBe(named);
  await branch.restart(() => rmSync(file));
  await branch.clock.advance(10 * SECOND_MS);
  expect(readFileSync(file, "utf8")).toBe(named);
});

test("files of the worker are closed, and no file that a link leads to", async () => {
  await using branch = new TestBranch();
  const victim = join(branch.instanceDir, "victim");
  writeFileSync(victim, "", { mode: 0o644 });
  mkdirSync(branch.folder("web"));
  symlinkSync(victim, join(branch.folder("web"), "worker.statedb"));
  writeFileSync(join(branch.folder("web"), "worker.other"), "", { mode: 0o644 });
  await branch.add("web");
  await branch.clock.advance(SECOND_MS);
  expect(statSync(victim).mode & 0o777).toBe(0o644);
  expect(statSync(join(branch.folder("web"), "worker.other")).mode & 0o777).toBe(0o600);
});

test.if(isRoot())(
  "a worker whose user cannot be asked for is tried again until it can, which is nobody's fault",
  async () => {
    await using branch = new TestBranch();
    const workerUser = spyOn(users, "workerUser").mockResolvedValue(NOBODY);
    spyOn(users, "refuseClosed").mockResolvedValue();
    await branch.add("web", { user: "nobody" });
    await branch.clock.advance(SECOND_MS);
    workerUser.mockRejectedValue(new NoRoomError("Cannot ask the machine for the user nobody"));
    await branch.die("web");
    await branch.clock.advance(100 * SECOND_MS);
    expect(await branch.status("web")).toMatchObject({ state: "backoff" });
    workerUser.mockResolvedValue(NOBODY);
    await branch.clock.advance(5 * SECOND_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1 });
    expect(branch.history("web").filter((did) => did === "waiting")).toHaveLength(1);
  },
);

describe.if(isRoot())("of a worker that ran as another user", () => {
  /** With what that user could plant there. */
  async function withPlanted(): Promise<{ branch: TestBranch; victim: string }> {
    const branch = new TestBranch();
    spyOn(users, "workerUser").mockResolvedValue(NOBODY);
    spyOn(users, "refuseClosed").mockResolvedValue();
    await branch.add("web", { user: "nobody" });
    await branch.clock.advance(SECOND_MS);
    const victim = join(branch.instanceDir, "victim");
    writeFileSync(victim, "hush", { mode: 0o644 });
    writeFileSync(join(branch.folder("web"), "celeryconfig.py"), "");
    symlinkSync(victim, join(branch.folder("web"), "worker.x"));
    for (const name of readdirSync(branch.folder("web"))) {
      if (name !== "worker.x") chownSync(join(branch.folder("web"), name), NOBODY.uid, NOBODY.gid);
    }
    return { branch, victim };
  }

  test("nothing is left where it runs as the branch's", async () => {
    const planted = await withPlanted();
    await using branch = planted.branch;
    await branch.wish("web", { user: null, restartSeq: 1 });
    await branch.clock.advance(5 * SECOND_MS);
    expect(await branch.status("web")).toMatchObject({ state: "running", restarts: 1 });
    const { cwd } = branch.processes.worker("web").options;
    expect(cwd).toBe(branch.folder("web"));
    expect(statSync(cwd).uid).toBe(0);
    expect(readdirSync(cwd)).toEqual(["worker.pid"]);
    expect(statSync(planted.victim).mode & 0o777).toBe(0o644);
    expect(readFileSync(planted.victim, "utf8")).toBe("hush");
    expect(readdirSync(`${branch.folder("web")}~uid65534`)).toContain("celeryconfig.py");
  });

  test("the folder is not taken from it while it runs, nor is its stand-in led there", async () => {
    const planted = await withPlanted();
    await using branch = planted.branch;
    branch.processes.next = { isMute: true };
    await branch.wish("web", { user: null, restartSeq: 1, isRolling: true, hasStandin: true });
    await branch.clock.advance(SECOND_MS);
    expect(branch.processes.worker("web~standin").options.cwd).toBe(branch.folder("web~standin"));
    expect(statSync(branch.folder("web")).uid).toBe(NOBODY.uid);
  });
});

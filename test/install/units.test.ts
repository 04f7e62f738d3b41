import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

/* The units of contrib/systemd, as text and to systemd's own programs. What a branch tells systemd is in src/branch/notify.test.ts. */

const UNITS = resolve(import.meta.dir, "../../contrib/systemd");
const MACHINE = "cyme-branch.service";
const TEMPLATE = "cyme-branch@.service";
const USER = "user/cyme-branch.service";
/** Of 10, as `systemd-analyze security` has it; at 5 it says MEDIUM. What would lower it takes something from workers. */
const EXPOSURE_AT_MOST = 4.0;

const read = (unit: string) => readFileSync(join(UNITS, unit), "utf8");

/** `Name=value` of each line, in order. */
function directives(unit: string): string[] {
  return read(unit)
    .split("\n")
    .filter((line) => /^\w+=/.test(line));
}

test("the units of all kinds keep workers when the branch ends, watch over it, and start it again", () => {
  const kept = ["Type=notify", "KillMode=process", "OOMPolicy=continue", "WatchdogSec=600", "Restart=on-failure"];
  for (const unit of [MACHINE, TEMPLATE, USER]) expect(directives(unit)).toEqual(expect.arrayContaining(kept));
});

test("what starting again does not mend is not started again: options that cannot be used, a branch that is there", () => {
  for (const unit of [MACHINE, TEMPLATE, USER]) expect(directives(unit)).toContain("RestartPreventExitStatus=2 3");
});

test("where the branch listens is left to its variable, as all options are", () => {
  for (const unit of [MACHINE, TEMPLATE, USER]) {
    expect(read(unit)).toMatch(/^ExecStart=\S+ branch -D \S+$/m);
    expect(directives(unit).filter((line) => line.startsWith("Environment="))).toEqual([]);
  }
});

test("a system call that is taken away fails, and does not kill the task that tries it", () => {
  for (const unit of [MACHINE, TEMPLATE]) {
    expect(directives(unit)).toContain("SystemCallErrorNumber=EPERM");
    expect(directives(unit).filter((line) => line.startsWith("SystemCallFilter="))).toHaveLength(1);
  }
});

test("nothing in them is taken from workers that go on when the branch is stopped", () => {
  // Each would remove /tmp, a folder or semaphores that workers use.
  const taking = /^(PrivateTmp|RemoveIPC|RuntimeDirectory|DynamicUser)=/;
  for (const unit of [MACHINE, TEMPLATE, USER])
    expect(directives(unit).filter((line) => taking.test(line))).toEqual([]);
});

test("the template differs from the unit of the machine in names and places alone", () => {
  const named = directives(MACHINE).map((line) =>
    line
      .replace("branch:", "branch %i:")
      .replace("/etc/cyme/branch.env", "/etc/cyme/%i.env")
      .replace("/var/lib/cyme", "/var/lib/cyme/@%i")
      .replace("StateDirectory=cyme", "StateDirectory=cyme/@%i"),
  );
  expect(directives(TEMPLATE)).toEqual(named);
});

// Of systemd, which need not be on the machine.
describe.skipIf(Bun.which("systemd-analyze") === null)("systemd-analyze", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cyme-units-"));
    for (const unit of [MACHINE, TEMPLATE, USER]) {
      const path = join(folder, unit);
      await mkdir(dirname(path), { recursive: true });
      // The program is not installed here.
      await writeFile(path, read(unit).replace(/(?<=ExecStart=)\S+/, "/bin/true"));
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  function analyze(...args: string[]): string {
    const { exitCode, stdout, stderr } = Bun.spawnSync(["systemd-analyze", ...args]);
    const said = stdout.toString() + stderr.toString();
    if (exitCode !== 0) throw new Error(`systemd-analyze ${args.join(" ")} ended with ${exitCode}: ${said}`);
    return said;
  }

  test.each([MACHINE, TEMPLATE, USER])("verify finds nothing wrong with %s", (unit) => {
    const said = analyze("verify", "--man=no", join(folder, unit));
    // It says something of the machine's other units too.
    expect(said.split("\n").filter((line) => line.includes("cyme-branch"))).toEqual([]);
  });

  test.each([MACHINE, TEMPLATE])(`security finds %s exposed by ${EXPOSURE_AT_MOST} at most`, (unit) => {
    const said = analyze("security", "--offline=true", "--no-pager", join(folder, unit));
    const exposure = Number(/Overall exposure level.*: ([\d.]+)/.exec(said)?.[1]);
    expect(exposure).toBeGreaterThan(0);
    expect(exposure).toBeLessThanOrEqual(EXPOSURE_AT_MOST);
  });
});

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFile, chown, copyFile, cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../harness/branch.ts";
import { INSTALL, PROGRAM, isRoot, makePlace, paths, standIn, tree, type Place } from "./installing.ts";

/* What install.sh takes for its own, and so removes: by the record of what was installed, and nothing else. */

let place: Place;
beforeEach(async () => {
  place = await makePlace();
});
afterEach(() => place[Symbol.asyncDispose]());

const UNIT = ".config/systemd/user/cyme-branch.service";
const RECORD = "share/cyme/installed";
const here = (path: string) => join(place.folder, path);
const prefixed = (prefix: string, ...more: string[]) => place.install(["--prefix", prefix, ...more]);

describe("the same folder, spelled otherwise the second time, keeps what was installed", () => {
  test.each([
    ["./p", "p"],
    ["p", "p//"],
    ["release/../p", "p"],
    ["link/p", "p"],
    ["p", "link/p"],
  ])("%s, then %s", async (first, second) => {
    await symlink(place.folder, here("link"));
    expect(await prefixed(first)).toMatchObject({ code: 0 });
    const once = await tree(here("p"));
    expect(await prefixed(second)).toMatchObject({ code: 0 });
    expect(await tree(here("p"))).toEqual(once);
    expect(await prefixed(first, "--uninstall")).toMatchObject({ code: 0 });
    expect(await Bun.file(here("p/bin/cyme")).exists()).toBe(false);
  });

  test("a home that is a link", async () => {
    await symlink(place.home, here("link"));
    expect(await place.installAsUser(["--user"], { HOME: here("link") })).toMatchObject({ code: 0 });
    const once = await paths(place.home);
    expect(await place.installAsUser(["--user"])).toMatchObject({ code: 0 });
    expect(await paths(place.home)).toEqual(once);
    expect(once).toContain(UNIT);
  });
});

describe("the program alone", () => {
  const stage = () => here("stage");
  const install = async (...args: string[]) =>
    expect(await place.install(args, { DESTDIR: stage() })).toMatchObject({ code: 0 });

  test("over a release keeps its units and manual pages, which --uninstall still knows", async () => {
    await install();
    const before = await paths(stage());
    const sum = new Bun.CryptoHasher("sha256").update(await Bun.file(PROGRAM).bytes()).digest("hex");
    // By an install.sh that has nothing beside it.
    await copyFile(INSTALL, here("install.sh"));
    const argv = ["dash", "install.sh", "--from", PROGRAM, "--sha256", sum];
    const env = { PATH: process.env["PATH"], DESTDIR: stage() };
    expect(await run(argv, env, place.folder)).toMatchObject({ code: 0 });
    expect(await paths(stage())).toEqual(before);
    expect(before).toContain("usr/local/lib/systemd/system/cyme-branch.service");
    await install("--uninstall", "--purge");
    expect(await tree(stage())).toEqual([]);
  });
});

describe("another choice than the one before is refused, and changes nothing", () => {
  test.each([[[]], [["--uninstall"]]])("--prefix over what is for the machine, with %j", async (more) => {
    const env = { DESTDIR: here("stage") };
    await place.install([], env);
    const before = await tree(here("stage"));
    expect(await place.install(["--prefix", "/usr/local", ...more], env)).toMatchObject({
      code: 1,
      stderr: `install.sh: what is in ${here("stage")}/usr/local was installed for the machine: leave the choice out\n`,
    });
    expect(await tree(here("stage"))).toEqual(before);
  });

  test("--prefix over --user, and the other way round", async () => {
    const prefix = ["--prefix", join(place.home, ".local")];
    await place.installAsUser(["--user"]);
    const { code, stderr } = await place.installAsUser(prefix);
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("installed with --user: give that"),
    });
    await place.installAsUser(["--user", "--uninstall", "--purge"]);
    await place.installAsUser(prefix);
    const other = await place.installAsUser(["--user"]);
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining(`with ${prefix.join(" ")}: give that`) });
  });
});

describe("the record", () => {
  test("of a copy is about the copy", async () => {
    await prefixed("p");
    const before = await tree(here("p"));
    await cp(here("p"), here("copy"), { recursive: true, verbatimSymlinks: true });
    expect(await prefixed("copy", "--uninstall")).toMatchObject({ code: 0 });
    expect(await tree(here("p"))).toEqual(before);
    expect((await paths(place.folder)).filter((path) => path.startsWith("copy/"))).toEqual([]);
  });

  test.each(["file ../victim", "file /victim", "folder ../../x", "file share/../../victim"])(
    "is refused with the line %s, which leads out of the folder",
    async (line) => {
      await prefixed("p");
      await writeFile(here("victim"), "");
      await appendFile(join(here("p"), RECORD), `${line}\n`);
      const before = await tree(place.folder);
      for (const more of [[], ["--uninstall"]]) {
        const { code, stderr } = await prefixed("p", ...more);
        expect({ code, stderr }).toMatchObject({
          code: 1,
          stderr: expect.stringContaining("names what install.sh puts nowhere: "),
        });
      }
      expect(await tree(place.folder)).toEqual(before);
    },
  );

  // Root alone obeys files of others.
  test.skipIf(!isRoot)("of another is nothing that root obeys", async () => {
    await prefixed("p");
    await chown(join(here("p"), RECORD), 65534, 65534);
    const before = await tree(here("p"));
    const { code, stderr } = await prefixed("p", "--uninstall");
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("is not root's") });
    expect(await tree(here("p"))).toEqual(before);
  });
});

describe("two at once", () => {
  test("the second one is refused, as long as the first one runs", async () => {
    await prefixed("p");
    const before = await tree(here("p"));
    const script = `exec 9<p/share/cyme; flock 9; echo; exec sleep infinity`;
    await using other = Bun.spawn(["sh", "-c", script], { cwd: place.folder, stdout: "pipe", killSignal: "SIGKILL" });
    await other.stdout.getReader().read();
    for (const more of [[], ["--uninstall"]]) {
      expect(await prefixed("p", ...more)).toMatchObject({
        code: 1,
        stderr: `install.sh: another install.sh is at work in ${here("p")}: wait until it has ended, and run this again\n`,
      });
    }
    expect(await tree(here("p"))).toEqual(before);
    other.kill();
    await other.exited;
    expect(await prefixed("p")).toMatchObject({ code: 0 });
  });

  test("leave a whole installation", async () => {
    const both = await Promise.all([prefixed("p"), prefixed("p")]);
    expect(both.map(({ code }) => code)).toContain(0);
    const all = await paths(here("p"));
    await rm(here("p"), { recursive: true });
    await prefixed("p");
    expect(await paths(here("p"))).toEqual(all);
  });
});

describe("what is in the way", () => {
  test("a folder in place of the link is said, before anything is changed", async () => {
    await mkdir(here("p/bin/cyme-branch"), { recursive: true });
    const before = await tree(here("p"));
    expect(await prefixed("p")).toMatchObject({
      code: 1,
      stderr: `install.sh: ${here("p")}/bin/cyme-branch is to be a file, but is a folder: move it away\n`,
    });
    expect(await tree(here("p"))).toEqual(before);
  });

  test("--uninstall removes all but that, says so, and the rest once it is gone", async () => {
    await prefixed("p");
    await rm(here("p/bin/cyme-branch"));
    await mkdir(here("p/bin/cyme-branch"));
    const { code, stderr } = await prefixed("p", "--uninstall");
    expect({ code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`could not remove ${here("p")}/bin/cyme-branch: `),
    });
    expect(await paths(here("p"))).toEqual([RECORD]);
    await rm(here("p/bin/cyme-branch"), { recursive: true });
    expect(await prefixed("p", "--uninstall")).toMatchObject({ code: 0 });
    expect(await paths(place.folder)).not.toContain(`p/${RECORD}`);
  });
});

test("a kill -9 of the first installation leaves nothing that --uninstall does not find", async () => {
  const before = await tree(place.folder);
  await standIn(place, "chmod", `kill -KILL $PPID`);
  expect(await prefixed("p")).toMatchObject({ code: 137 });
  expect(await paths(here("p"))).toContain("bin/.cyme.cyme-new");
  await rm(join(place.bin, "chmod"));
  expect(await prefixed("p", "--uninstall")).toMatchObject({ code: 0, stderr: `There is no Cyme in ${here("p")}\n` });
  // Its temporary folder is nobody's any more.
  expect((await tree(place.folder)).filter((path) => !path.startsWith("scratch/"))).toEqual(
    before.filter((path) => !path.startsWith("scratch/")),
  );
});

describe("--uninstall", () => {
  test("--purge whose words nobody reads removes everything all the same", async () => {
    const env = { DESTDIR: here("stage"), TMPDIR: here("scratch") };
    await place.install([], env);
    // The reader closes its end first, then the writer begins.
    const script = `{ until [ -e gone ]; do :; done; dash release/install.sh --uninstall --purge; } 2>&1 | { exec <&-; touch gone; }`;
    await run(["bash", "-c", script], { PATH: process.env["PATH"], ...env }, place.folder);
    expect(await tree(here("stage"))).toEqual([]);
    expect(await tree(here("scratch"))).toEqual([]);
  });

  test("--purge is not held up by a pid that is another's by now", async () => {
    await place.installAsUser(["--user"]);
    const folder = join(place.home, ".local/state/cyme/web");
    await mkdir(folder);
    await writeFile(join(folder, "worker.pid"), "1\n");
    if (isRoot) await chown(folder, 65534, 65534);
    const { code, stderr } = await place.installAsUser(["--user", "--uninstall", "--purge"]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await paths(place.home)).toEqual([]);
  });

  test("takes back what systemctl enable made, where there is no systemd to ask", async () => {
    const env = { DESTDIR: here("stage") };
    await place.install([], env);
    const wants = here("stage/etc/systemd/system/multi-user.target.wants");
    await mkdir(wants, { recursive: true });
    const units = "/usr/local/lib/systemd/system";
    await symlink(`${units}/cyme-branch.service`, join(wants, "cyme-branch.service"));
    await symlink(`${units}/cyme-branch@.service`, join(wants, "cyme-branch@reports.service"));
    await symlink("/etc/systemd/system/mine", join(wants, "cyme-branch@mine.service"));
    await place.install(["--uninstall", "--purge"], env);
    expect(await paths(here("stage"))).toEqual(["etc/systemd/system/multi-user.target.wants/cyme-branch@mine.service"]);
  });
});

describe("how it is called", () => {
  test("from a pipe it takes nothing that lies around", async () => {
    const script = `cd release && exec sh -s -- --prefix ../p <install.sh`;
    const { code, stderr } = await run(["sh", "-c", script], { PATH: process.env["PATH"] }, place.folder);
    expect(code).toBe(1);
    expect(stderr).toStartWith("install.sh: there is nothing to install beside it: give --from");
  });

  test("CDPATH of the caller does not lead it elsewhere", async () => {
    const argv = ["sh", "release/install.sh", "--prefix", "p"];
    await mkdir(here("elsewhere/release"), { recursive: true });
    const env = { PATH: process.env["PATH"], CDPATH: here("elsewhere") };
    expect(await run(argv, env, place.folder)).toMatchObject({ code: 0 });
  });

  test("DESTDIR=/ is refused, a relative one with a dash is not", async () => {
    // As an ordinary user, who could write nothing there if it were taken for no DESTDIR.
    expect(await place.installAsUser([], { DESTDIR: "/" })).toMatchObject({ code: 2 });
    expect(await place.install([], { DESTDIR: "-d" })).toMatchObject({ code: 0 });
    expect(await paths(here("-d"))).toContain("usr/local/bin/cyme");
  });

  test("over a newer version it says that it goes back, and that stored data may not be read", async () => {
    const version = (await run([PROGRAM, "--version"], {})).stdout.split("\n")[0] ?? "";
    await mkdir(here("p/bin"), { recursive: true });
    const newer = version.replace(/[\d.]+$/, "99.0");
    await writeFile(here("p/bin/cyme"), `#!/bin/sh\necho '${newer}'\n`, { mode: 0o755 });
    const { stderr } = await prefixed("p");
    expect(stderr).toStartWith(`Went back from ${newer} to ${version}, which may not read `);
    expect((await prefixed("p")).stderr).toStartWith(`Installed ${version} again:\n`);
  });

  test("in a checkout it does not empty what a linked node_modules leads to", async () => {
    await mkdir(here("modules"));
    await writeFile(here("modules/mine"), "");
    await mkdir(here("checkout"));
    await symlink(here("modules"), here("checkout/node_modules"));
    const lib = join(import.meta.dir, "../../scripts/lib.sh");
    const { code, stderr } = await run(
      ["sh", "-c", `. ${lib}; ensure_modules`],
      { PATH: process.env["PATH"] },
      here("checkout"),
    );
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("node_modules is a link") });
    expect(await readFile(here("modules/mine"), "utf8")).toBe("");
  });
});

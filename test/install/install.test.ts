import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFile, chmod, copyFile, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BINARY, run } from "../harness/branch.ts";
import { INSTALL, PROGRAM, isRoot, makePlace, paths, standIn, tree, type Place } from "./installing.ts";

/* install.sh with a small program in place of Cyme, in folders of the test. For the machine: system.test.ts. */

let place: Place;
beforeEach(async () => {
  place = await makePlace();
});
afterEach(() => place[Symbol.asyncDispose]());

const prefix = () => join(place.folder, "a prefix");
const toPrefix = () => ["--prefix", prefix()];

/** Installed with --prefix; the pages come and go with the commands. */
const PREFIXED = [
  "bin/cyme",
  "bin/cyme-branch",
  "share/bash-completion/completions/cyme",
  "share/bash-completion/completions/cyme-branch",
  "share/cyme/installed",
  "share/fish/vendor_completions.d/cyme-branch.fish",
  "share/fish/vendor_completions.d/cyme.fish",
  "share/man/man1/cyme.1",
  "share/zsh/site-functions/_cyme",
];

describe("--prefix", () => {
  test("installs program, completions and manual pages, and nothing else", async () => {
    expect(await place.install(toPrefix())).toMatchObject({ code: 0, stdout: "" });
    const got = await paths(prefix());
    expect(got.filter((path) => !/man1\/cyme.+\.1$/.test(path))).toEqual(PREFIXED);
    expect(await run([join(prefix(), "bin/cyme-branch")], {})).toMatchObject({ code: 0 });
  });

  test("changes nothing the second time", async () => {
    await place.install(toPrefix());
    const once = await tree(prefix());
    expect(await place.install(toPrefix())).toMatchObject({ code: 0 });
    expect(await tree(prefix())).toEqual(once);
  });

  test("--uninstall leaves what was there before, and no more", async () => {
    await mkdir(join(prefix(), "share/fish"), { recursive: true });
    await writeFile(join(prefix(), "share/fish/mine"), "");
    const before = await tree(place.folder);
    await place.install(toPrefix());
    expect(await place.install([...toPrefix(), "--uninstall"])).toMatchObject({ code: 0 });
    expect(await tree(place.folder)).toEqual(before);
  });

  test("--uninstall keeps a folder that others have put something into", async () => {
    await place.install(toPrefix());
    await writeFile(join(prefix(), "bin/mine"), "");
    await place.install([...toPrefix(), "--uninstall"]);
    expect(await paths(prefix())).toEqual(["bin/mine"]);
  });

  test("--uninstall of what is not there says so, and is no failure", async () => {
    const { code, stderr } = await place.install([...toPrefix(), "--uninstall"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `There is no Cyme in ${prefix()}\n` });
  });

  test("over an older version removes what that one had and this one has not", async () => {
    await writeFile(join(place.release, "man/cyme-gone.1"), "");
    await place.install(toPrefix());
    expect(await paths(prefix())).toContain("share/man/man1/cyme-gone.1");
    await rm(join(place.release, "man/cyme-gone.1"));
    await place.install(toPrefix());
    expect(await paths(prefix())).not.toContain("share/man/man1/cyme-gone.1");
  });

  test("over one that was installed without a record takes that one over", async () => {
    await mkdir(join(prefix(), "bin"), { recursive: true });
    await writeFile(join(prefix(), "bin/cyme"), "#!/bin/sh\necho cyme 0.0.1\n", { mode: 0o755 });
    const { stderr } = await place.install(toPrefix());
    expect(stderr).toStartWith("Upgraded cyme 0.0.1 to ");
    await place.install([...toPrefix(), "--uninstall"]);
    expect(await paths(prefix())).toEqual([]);
  });

  // Of busybox, which need not be on the machine.
  test.skipIf(Bun.which("busybox") === null)("is done by the shell of busybox too", async () => {
    const shell = ["busybox", "sh", join(place.release, "install.sh"), ...toPrefix()];
    const env = { PATH: process.env["PATH"] };
    expect(await run(shell, env)).toMatchObject({ code: 0 });
    expect(await paths(prefix())).toEqual(expect.arrayContaining(PREFIXED));
    expect(await run([...shell, "--uninstall"], env)).toMatchObject({ code: 0 });
    expect(await paths(place.folder)).not.toContain("a prefix/bin/cyme");
  });
});

describe("--user", () => {
  const UNIT = ".config/systemd/user/cyme-branch.service";

  test("installs into the home, with a unit of the user's systemd, which is told", async () => {
    await standIn(place, "systemctl", `echo "$@" >>${place.folder}/asked`);
    const { code, stderr } = await place.installAsUser(["--user"]);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await paths(place.home)).toEqual(
      expect.arrayContaining([
        ".config/cyme/branch.env",
        ".config/fish/completions/cyme.fish",
        UNIT,
        ".local/bin/cyme",
      ]),
    );
    const modes = [".config/cyme/branch.env", ".local/state/cyme"].map(async (path) => {
      return (await stat(join(place.home, path))).mode & 0o777;
    });
    expect(await Promise.all(modes)).toEqual([0o600, 0o700]);
    expect(await readFile(join(place.folder, "asked"), "utf8")).toContain("--user daemon-reload");
    expect(stderr).toContain("systemctl --user enable --now cyme-branch");
  });

  test("keeps the configuration when it is run again, and when it is removed", async () => {
    await place.installAsUser(["--user"]);
    const file = join(place.home, ".config/cyme/branch.env");
    await appendFile(file, "CYME_ID=mine\n");
    await place.installAsUser(["--user"]);
    await place.installAsUser(["--user", "--uninstall"]);
    expect(await readFile(file, "utf8")).toEndWith("CYME_ID=mine\n");
    expect(await paths(place.home)).toEqual([".config/cyme/branch.env"]);
  });

  test("without a systemd of the user is done all the same; what it says starts a branch as the file has it", async () => {
    const { code, stderr } = await place.installAsUser(["--user"]);
    expect(code).toBe(0);
    const said = /start it with:\n(?<script>(?: {2}.*\n)+?) {2}\S*cyme branches\n$/.exec(stderr)?.groups?.["script"];
    await writeFile(join(place.home, ".local/bin/cyme"), '#!/bin/sh\npwd\necho "$@"\nenv | grep ^CYME_ | sort\n');
    const file = [
      "# A comment.",
      "CYME_BROKER=amqp://u:p$1&x@h/v",
      "CYME_ID=a;id>BYHAND",
      'CYME_COMMAND="python3 -m celery"',
      "NO_LINE `id>BYHAND`",
      "CYME_ADDRESS=:8001",
    ];
    await writeFile(join(place.home, ".config/cyme/branch.env"), file.join("\n"));
    expect(await run(["dash", "-c", said ?? "false"], { PATH: process.env["PATH"] }, place.folder)).toMatchObject({
      code: 0,
      stdout: `/
branch -D ${place.home}/.local/state/cyme --detach
CYME_ADDRESS=:8001
CYME_BROKER=amqp://u:p$1&x@h/v
CYME_COMMAND=python3 -m celery
CYME_ID=a;id>BYHAND
`,
    });
    expect(await paths(place.folder)).not.toContain("BYHAND");
  });

  test("--uninstall --purge leaves nothing", async () => {
    const before = await tree(place.folder);
    await place.installAsUser(["--user"]);
    await writeFile(join(place.home, ".local/state/cyme/branch.db"), "");
    expect(await place.installAsUser(["--user", "--uninstall", "--purge"])).toMatchObject({ code: 0 });
    expect(await tree(place.folder)).toEqual(before);
  });

  // Root alone can be refused for being root.
  test.skipIf(!isRoot)("is refused to root", async () => {
    const { code, stderr } = await place.install(["--user"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "install.sh: --user is for one ordinary user, but this is root: leave it out to install for the machine, or run it as that user\n",
    });
  });
});

describe("without a choice", () => {
  test("is refused to who is not root, with what else there is", async () => {
    const { code, stderr } = await place.installAsUser([]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "install.sh: what is for the machine takes root: run it as root (sudo ./install.sh), or choose --user or --prefix <folder>\n",
    });
  });

  test("puts all below DESTDIR for packagers, who need not be root, and takes it away again", async () => {
    const DESTDIR = join(place.folder, "stage");
    expect(await place.installAsUser([], { DESTDIR })).toMatchObject({ code: 0 });
    const got = await paths(DESTDIR);
    expect(got.filter((path) => !path.startsWith("usr/local/share"))).toEqual([
      "etc/cyme/branch.env",
      "etc/logrotate.d/cyme",
      "usr/local/bin/cyme",
      "usr/local/bin/cyme-branch",
      "usr/local/lib/systemd/system/cyme-branch.service",
      "usr/local/lib/systemd/system/cyme-branch@.service",
    ]);
    await place.installAsUser(["--uninstall", "--purge"], { DESTDIR });
    expect(await tree(DESTDIR)).toEqual([]);
  });
});

describe("--from", () => {
  const binary = () => join(place.folder, "cyme-linux");
  const sums = () => join(place.folder, "SHA256SUMS");
  const from = (...more: string[]) => place.install([...toPrefix(), "--from", binary(), ...more]);
  const sha256 = async (path: string) =>
    new Bun.CryptoHasher("sha256").update(await Bun.file(path).arrayBuffer()).digest("hex");

  beforeEach(async () => {
    await copyFile(PROGRAM, binary());
  });

  /** What it says where it refuses, after which nothing may be there. */
  async function refusal(...more: string[]): Promise<string> {
    const { code, stderr } = await from(...more);
    expect(code).toBe(1);
    expect(await Bun.file(join(prefix(), "bin/cyme")).exists()).toBe(false);
    return stderr.replaceAll(place.folder, "<here>");
  }

  test("installs what SHA256SUMS names with its checksum", async () => {
    await writeFile(sums(), `${"0".repeat(64)}  another\n${await sha256(binary())}  cyme-linux\n`);
    expect(await from()).toMatchObject({ code: 0 });
    expect(await sha256(join(prefix(), "bin/cyme"))).toBe(await sha256(PROGRAM));
  });

  test("installs what has the checksum of --sha256, in capitals too", async () => {
    expect(await from("--sha256", (await sha256(binary())).toUpperCase())).toMatchObject({ code: 0 });
  });

  test("refuses without a checksum", async () => {
    expect(await refusal()).toBe(
      "install.sh: there is no <here>/SHA256SUMS to check cyme-linux with: put it there, or give --sha256 <hex> with a checksum that you trust\n",
    );
    await writeFile(sums(), `${"0".repeat(64)}  another\n`);
    expect(await refusal()).toStartWith("install.sh: <here>/SHA256SUMS does not name cyme-linux: ");
  });

  test("refuses with a wrong one, and says both", async () => {
    await writeFile(sums(), `${"0".repeat(64)}  cyme-linux\n`);
    expect(await refusal()).toBe(
      `install.sh: the checksum of <here>/cyme-linux is wrong: wanted ${"0".repeat(64)}, it has ${await sha256(binary())}. Fetch it again\n`,
    );
  });

  test.each([
    ["a blank in the name", "the cyme", "\n"],
    ["line ends of Windows", "cyme-linux", "\r\n"],
  ])("reads SHA256SUMS with %s", async (_, name, end) => {
    await writeFile(join(place.folder, name), await Bun.file(PROGRAM).bytes());
    await writeFile(sums(), `${await sha256(PROGRAM)} *${name}${end}`);
    const args = [...toPrefix(), "--from", join(place.folder, name)];
    expect(await place.install(args)).toMatchObject({ code: 0 });
  });

  test("refuses where SHA256SUMS says two things", async () => {
    await writeFile(sums(), `${await sha256(binary())}  cyme-linux\n${"0".repeat(64)}  cyme-linux\n`);
    expect(await refusal()).toStartWith("install.sh: <here>/SHA256SUMS has more than one checksum for cyme-linux: ");
  });

  test("installs what was checked, though the file is another one by then", async () => {
    await writeFile(sums(), `${await sha256(binary())}  cyme-linux\n`);
    await standIn(place, "sha256sum", `/usr/bin/sha256sum "$@"; cp /bin/false ${binary()}`);
    expect(await from()).toMatchObject({ code: 0 });
    expect(await sha256(join(prefix(), "bin/cyme"))).toBe(await sha256(PROGRAM));
  });

  test("shows no login and no token of a URL", async () => {
    const url = "http://ann:s3cret@127.0.0.1:1/cyme?token=s3cret";
    const { code, stderr } = await place.install([...toPrefix(), "--from", url]);
    expect(code).toBe(1);
    expect(stderr).toContain("install.sh: could not fetch http://127.0.0.1:1/cyme: ");
    expect(stderr).not.toContain("s3cret");
  });

  test("refuses what is for another kind of machine, and what is no program", async () => {
    const header = await Bun.file(binary()).bytes();
    // e_machine of elf(5): that of SPARC, and that of the one of the two which this machine is not.
    const other = process.arch === "x64" ? 0xb7 : 0x3e;
    for (const [machine, words] of [
      [other, /^install.sh: this program is for \S+ \(\S+\), and this machine is \S+: take the release for it/],
      [2, /is for a machine that Cyme is not made for/],
    ] as const) {
      header[18] = machine;
      await writeFile(binary(), header);
      expect(await refusal("--sha256", await sha256(binary()))).toMatch(words);
    }
    await writeFile(binary(), "#!/bin/sh\n");
    expect(await refusal("--sha256", await sha256(binary()))).toMatch(/is no program for linux: wanted is/);
  });

  test("refuses a program that does not run here, with its words", async () => {
    await writeFile(binary(), (await Bun.file(binary()).bytes()).slice(0, 64));
    const before = await tree(place.folder);
    expect(await refusal("--sha256", await sha256(binary()))).toStartWith(
      "install.sh: the program does not run here: ",
    );
    expect(await tree(place.folder)).toEqual(before);
  });

  /** The release as a tarball with its SHA256SUMS, as `npm run release` makes them. */
  async function pack(): Promise<string> {
    const name = "cyme-1.2.3-linux-x64.tar.gz";
    const tar = ["tar", "-czf", name, "--transform", "s/^release/cyme-1.2.3-linux-x64/", "release"];
    expect(await run(tar, { PATH: process.env["PATH"] }, place.folder)).toMatchObject({ code: 0 });
    await writeFile(sums(), `${await sha256(join(place.folder, name))}  ${name}\n`);
    return name;
  }

  test("takes a tarball, seen from where it is run, by an install.sh that stands alone", async () => {
    const name = await pack();
    await mkdir(join(place.folder, "alone"));
    await copyFile(INSTALL, join(place.folder, "alone/install.sh"));
    await rm(place.release, { recursive: true });
    const argv = ["sh", "alone/install.sh", "--prefix", "a prefix", "--from", name];
    const { code, stderr } = await run(argv, { PATH: process.env["PATH"] }, place.folder);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await paths(prefix())).toEqual(expect.arrayContaining(PREFIXED));
  });

  test("takes the program alone, which then prints its completions; of what is missing it tells", async () => {
    await mkdir(join(place.folder, "alone"));
    await copyFile(INSTALL, join(place.folder, "alone/install.sh"));
    const sum = await sha256(BINARY);
    const argv = ["sh", "alone/install.sh", ...toPrefix(), "--from", BINARY, "--sha256", sum];
    const { code, stderr } = await run(argv, { PATH: process.env["PATH"] }, place.folder);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toContain(
      "The program alone has no manual pages and no unit (those of before stay): a release's tarball has them\n",
    );
    expect(await paths(prefix())).toEqual(PREFIXED.filter((path) => !path.includes("/man/")));
    for (const file of ["bash-completion/completions/cyme", "zsh/site-functions/_cyme"]) {
      expect(await readFile(join(prefix(), "share", file), "utf8")).toContain("instances.add");
    }
  });

  test("alone and without --from says what to give", async () => {
    await mkdir(join(place.folder, "alone"));
    await copyFile(INSTALL, join(place.folder, "alone/install.sh"));
    const { code, stderr } = await run(["sh", "alone/install.sh", ...toPrefix()], {}, place.folder);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "install.sh: there is nothing to install beside it: give --from <file or URL of a release>, or run it in a checkout or an unpacked release\n",
    });
  });

  test("fetches a tarball and its SHA256SUMS from a URL, and says where it cannot", async () => {
    const name = await pack();
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: ({ url }) => {
        const { pathname } = new URL(url);
        if (pathname.startsWith("/none")) return new Response("no", { status: 404 });
        return new Response(Bun.file(join(place.folder, pathname.replace("/v1", ""))));
      },
    });
    const at = `http://127.0.0.1:${server.port}`;
    expect(await place.install([...toPrefix(), "--from", `${at}/v1/${name}?a=b`])).toMatchObject({ code: 0 });
    await rm(prefix(), { recursive: true });
    const { code, stderr } = await place.install([...toPrefix(), "--from", `${at}/none/${name}`]);
    expect(code).toBe(1);
    expect(stderr).toContain(`install.sh: could not fetch ${at}/none/${name}: is the address right`);
  });
});

describe("what goes wrong leaves nothing half", () => {
  test("a disk without room", async () => {
    const before = await tree(place.folder);
    // Files of 4 KiB at most, in blocks of 512 bytes.
    const limited = `ulimit -f 8; exec dash ${place.release}/install.sh --prefix '${prefix()}'`;
    const { code, stderr } = await run(["dash", "-c", limited], { PATH: process.env["PATH"] });
    expect(code).toBe(1);
    expect(stderr).toContain(
      `${prefix()}/bin/cyme could not be written: it takes a folder of yours, with room for 120 MB. --prefix chooses another one\n`,
    );
    expect(await tree(place.folder)).toEqual(before);
  });

  test("a folder that is another's", async () => {
    await mkdir(prefix());
    await chmod(prefix(), 0o500);
    const { code, stderr } = await place.installAsUser(["--prefix", isRoot ? "/usr/none-of-yours" : prefix()]);
    expect(code).toBe(1);
    expect(stderr).toContain("could not be written: it takes a folder of yours");
  });

  /** Sends `signal` to install.sh as it copies its third file. */
  const interrupt = (signal: string) =>
    standIn(
      place,
      "cp",
      `echo >>${place.folder}/copied; [ $(wc -l <${place.folder}/copied) != 3 ] || kill -${signal} $PPID; exec /bin/cp "$@"`,
    );

  test("a signal in the middle", async () => {
    await writeFile(join(place.folder, "copied"), "");
    await interrupt("TERM");
    const before = (await tree(place.folder)).filter((path) => !path.startsWith("copied "));
    expect(await place.install(toPrefix())).toMatchObject({ code: 143 });
    expect((await tree(place.folder)).filter((path) => !path.startsWith("copied "))).toEqual(before);
  });

  test("a kill -9 in the middle: what was installed is whole, and the next run and --uninstall clean up", async () => {
    await mkdir(prefix());
    const before = await tree(prefix());
    await place.install(toPrefix());
    const whole = await tree(prefix());
    await interrupt("KILL");
    await place.install(toPrefix());
    const left = await tree(prefix());
    expect(left).toEqual(expect.arrayContaining(whole));
    expect(left.length).toBeGreaterThan(whole.length);
    await rm(join(place.bin, "cp"));
    await place.install(toPrefix());
    expect(await tree(prefix())).toEqual(whole);
    await interrupt("KILL");
    await rm(join(place.folder, "copied"));
    await place.install(toPrefix());
    await rm(join(place.bin, "cp"));
    await place.install([...toPrefix(), "--uninstall"]);
    expect(await tree(prefix())).toEqual(before);
  });
});

describe("a wrong line", () => {
  test.each([
    [["--prefx", "x"], "install.sh: unknown option --prefx"],
    [["--prefix"], "install.sh: --prefix wants a value"],
    [["--prefix="], "install.sh: --prefix wants a value, and was given an empty one"],
    [["--user", "--prefix", "x"], "install.sh: --user and --prefix do not go together"],
    [["--purge"], "install.sh: --purge goes with --uninstall"],
    [["--sha256", "00"], "install.sh: --sha256 goes with --from"],
    [["--from", "x", "--sha256", "00"], "install.sh: --sha256 wants 64 hexadecimal digits, not 2"],
    [["--from", "x", "--uninstall"], "install.sh: --from goes with installing"],
  ])("%j is refused, in one line", async (args, words) => {
    const { code, stdout, stderr } = await place.install(args);
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: "",
      stderr: `${words}; install.sh --help says how it is used\n`,
    });
  });

  test("--from a file that is not there, --demo without the sources", async () => {
    expect(await place.install([...toPrefix(), "--from", "none"])).toMatchObject({
      code: 1,
      stderr: "install.sh: --from wants a file or a URL, but there is no file none\n",
    });
    expect(await place.install(["--demo"])).toMatchObject({
      code: 1,
      stderr: "install.sh: --demo takes a checkout of Cyme, with its sources: this is none\n",
    });
  });
});

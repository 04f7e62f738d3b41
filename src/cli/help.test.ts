import { describe, expect, test } from "bun:test";
import { version } from "../../package.json";
import { runCyme } from "./test-run.ts";
import { COMMANDS } from "./table.ts";

const out = async (...argv: string[]) => {
  const run = await runCyme(argv);
  expect(run).toMatchObject({ code: 0, stderr: "", sent: [] });
  return run.stdout;
};

describe("help", () => {
  test("names every command, each on one line", async () => {
    const lines = (await out("--help")).split("\n");
    for (const { name, about } of COMMANDS) {
      expect(lines.filter((line) => line.startsWith(`  ${name} `) && line.endsWith(`  ${about}`))).toHaveLength(1);
    }
  });

  test("is the same by -h, --help and help", async () => {
    const overview = await out("--help");
    expect(await out("-h")).toBe(overview);
    expect(await out("help")).toBe(overview);
  });

  test("of a command is the same by each way to ask for it", async () => {
    const help = await out("help", "instances.add");
    expect(await out("help", "instances", "add")).toBe(help);
    expect(await out("instances.add", "-h")).toBe(help);
    expect(await out("--help", "instances", "add")).toBe(help);
  });

  test("of a command has usage, about, options, variables and defaults", async () => {
    const help = await out("help", "branch");
    expect(help).toStartWith("cyme [options] branch [address]\n\nRun the daemon that keeps workers alive.\n");
    expect(help).toContain(
      "  -C, --numc n                Connections that share what other branches ask\n                              (CYME_NUMC, default 2)\n",
    );
  });

  test("of a command is shown without the arguments and options that it needs", async () => {
    expect(await out("apps.get", "--help")).toStartWith("cyme apps.get <name>\n");
  });

  test.each([[], ...COMMANDS.map(({ name }) => [name])])("reads well on 80 columns: help %s", async (...name) => {
    const long = (await out("help", ...name)).split("\n").filter((line) => line.length > 80);
    expect(long).toEqual([]);
  });

  test("is not asked for behind --", async () => {
    expect((await runCyme(["apps.get", "--", "--help"])).stderr).toContain('got "--help"');
  });
});

test("--version is the package's", async () => {
  expect(await out("--version")).toBe(`cyme ${version}\n`);
});

import { describe, expect, test } from "bun:test";
import { runCyme } from "../test-run.ts";

type Settings = Parameters<typeof runCyme>[1];

/** What the hidden command does for those words. */
const complete = (words: readonly string[], settings: Settings = {}, ...args: string[]) =>
  runCyme(["__complete", ...args], { ...settings, files: { "-": words.map((word) => `${word}\0`).join("") } });

const NAMES = { answer: { text: '["mailer","web"]' } };
const SILENT = { code: 0, stdout: "", stderr: "" };

describe("the command that the shells call", () => {
  test("prints a name a line, of the branch and the app that the line is about", async () => {
    const run = await complete(["-u", "http://h:1", "-a", "shop", "--token=t", "instances.get", ""], NAMES);
    expect(run).toMatchObject({ code: 0, stdout: "mailer\nweb\n", stderr: "" });
    expect(run.opened).toEqual(["http http://h:1 t"]);
    expect(run.sent).toEqual(["GET /shop/instances/"]);
  });

  test("takes variables and the client's configuration as other commands do", async () => {
    const config = { text: '{"url":"http://conf:1","token":"t-conf"}', mode: 0o600 };
    const run = await complete(["instances.get", ""], { ...NAMES, config, env: { CYME_APP: "shop", HOME: "/h" } });
    expect(run.opened).toEqual(["http http://conf:1 t-conf"]);
    expect(run.sent).toEqual(["GET /shop/instances/"]);
  });

  test.each([{ env: { HOME: "/h", CYME_TOKEN: "t-env" } }, { env: { HOME: "/h" } }])(
    "tells a branch no other login than the command would: %j",
    async (settings) => {
      const config = { text: '{"url":"http://conf:1","token":"t-conf"}', mode: 0o600 };
      for (const to of [["-u", "http://other:1"], ["-u", "http://conf:1"], []]) {
        const asked = await complete([...to, "apps.get", ""], { ...NAMES, ...settings, config });
        const entered = await runCyme([...to, "apps.get", "shop"], { ...settings, config });
        expect(asked.opened).toEqual(entered.opened);
      }
    },
  );

  test("works on a directory with -L, and closes what it opened", async () => {
    const run = await complete(["-L", "-D", "~/b", "-a", "shop", "instances.get", ""], {
      ...NAMES,
      env: { HOME: "/h" },
    });
    expect(run).toMatchObject({ opened: ["local /h/b"], closed: 1, stdout: "mailer\nweb\n" });
  });

  test("reads words as they were typed, where it is told that they are", async () => {
    const typed = ["-a", '"shop"', "instances.get", "'w"];
    expect(await complete(typed, NAMES, "quoted")).toMatchObject({ stdout: "web\n", sent: ["GET /shop/instances/"] });
    expect(await complete(["--app='sh"], { answer: { text: '["shop"]' } }, "quoted")).toMatchObject({
      stdout: "shop\n",
    });
    expect(await complete(['"in', ""], NAMES, "quoted")).toMatchObject({ ...SILENT, sent: [] });
  });

  test("asks nobody where nothing is wanted of a branch", async () => {
    expect(await complete(["apps", ""], NAMES)).toMatchObject({ ...SILENT, opened: [] });
    expect(await complete([], NAMES)).toMatchObject({ ...SILENT, opened: [] });
  });
});

describe("it is silent", () => {
  const words = ["-a", "shop", "instances.get", ""];

  test.each([
    ["an error", { status: 401, text: '{"nok":"no","error":"unauthorized"}' }],
    ["no JSON", { text: "<html>" }],
    ["another page", { status: 302, text: "" }],
  ])("where it is answered by %s", async (_, answer) => {
    expect(await complete(words, { answer })).toMatchObject(SILENT);
  });

  test("where nobody is there", async () => {
    const transport = () => Promise.reject(new Error("refused"));
    expect(await complete(words, { transport })).toMatchObject(SILENT);
  });

  test("where the line names what cannot be used", async () => {
    expect(await complete(["-a", "..", "instances.get", ""], NAMES)).toMatchObject({ ...SILENT, sent: [] });
    const config = { text: "nonsense", mode: 0o644 };
    expect(await complete(words, { ...NAMES, config, env: { HOME: "/h" } })).toMatchObject({ ...SILENT, sent: [] });
  });

  test("without words, when there is no input", async () => {
    expect(await runCyme(["__complete"])).toMatchObject(SILENT);
  });
});

test("no help, no suggestion and no completion names it", async () => {
  expect((await runCyme(["--help"])).stdout).not.toContain("__complete");
  expect((await runCyme(["__complet"])).stderr).not.toContain("__complete");
});

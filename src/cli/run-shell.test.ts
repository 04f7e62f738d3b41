import { expect, test } from "bun:test";
import { version } from "../../package.json";
import { runCyme } from "./test-run.ts";

test("the shell is told what holds for every command", async () => {
  const env = { CYME_TOKEN: "t0ken", HOME: "/home/ann" };
  const run = await runCyme(["-u", "http://h:1", "-a", "shop", "--timeout", "5", "shell"], { env });
  expect(run).toMatchObject({ code: 0, stdout: "", stderr: "", sent: [] });
  expect(run.shells).toEqual([
    {
      url: "http://h:1",
      token: "t0ken",
      app: "shop",
      timeoutS: 5,
      cwd: process.cwd(),
      history: "/home/ann/.local/state/cyme-shell/history",
      isJson: false,
      version,
    },
  ]);
});

test("the shell keeps what is typed in the folder for state, and nowhere without a home", async () => {
  const [inState] = (await runCyme(["shell"], { env: { XDG_STATE_HOME: "/s", HOME: "/h" } })).shells;
  expect(inState?.history).toBe("/s/cyme-shell/history");
  expect((await runCyme(["shell"])).shells[0]?.history).toBeUndefined();
});

test.each([
  ["-L", "Cannot use --local with shell"],
  ["-n", "Cannot use --nowait with shell: give { nowait: true } to the call"],
])("the shell refuses %s", async (option, words) => {
  const run = await runCyme([option, "shell"]);
  expect(run).toMatchObject({ code: 2, shells: [] });
  expect(run.stderr).toContain(words);
});

import { describe, expect, test } from "bun:test";
import type { App } from "../../api/types.ts";
import { brokerText, changes, fieldsOf, NO_FIELDS } from "./fields.ts";

const APP: App = {
  name: "shop",
  broker: { scheme: "amqp", hostname: "mq", port: 5672, userid: "sue", password: "secret", virtual_host: "v" },
  arguments: "-A shop",
  extra_config: null,
  command: null,
  cwd: "/srv",
  env: { A: "1", B: "x=y" },
  stop_timeout: 60,
  queues: [],
};

describe("the form of an app", () => {
  test("shows no password", () => {
    expect(JSON.stringify(fieldsOf(APP))).not.toContain("secret");
    expect(brokerText(APP)).toBe("sue@mq:5672/v");
  });

  test("asks for what was changed alone", () => {
    const before = fieldsOf(APP);
    expect(changes(before, before)).toEqual({});
    expect(changes(before, { ...before, stop_timeout: "5" })).toEqual({ stop_timeout: "5" });
  });

  test("an emptied field is back to the default", () => {
    const before = fieldsOf(APP);
    expect(changes(before, { ...before, cwd: "", env: " \n" })).toEqual({ cwd: null, env: null });
  });

  test("takes variables line by line, with = in their values", () => {
    const env = changes(NO_FIELDS, { ...NO_FIELDS, env: "A=1\n\nB=x=y\n" });
    expect(env).toEqual({ env: { A: "1", B: "x=y" } });
  });

  test("refuses a line that is no variable", () => {
    expect(() => changes(NO_FIELDS, { ...NO_FIELDS, env: "A=1\nB" })).toThrow(/NAME=value.*line 2/);
  });
});

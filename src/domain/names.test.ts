import { describe, expect, test } from "bun:test";
import { appName, branchId, directQueue, instanceName, nodeName, queueName } from "./names.ts";
import { refusal, words } from "./test-support.ts";

const rules = { appName, branchId, instanceName, queueName };

describe.each(Object.entries(rules))("%s()", (_, rule) => {
  test.each(["a", "7", "web", "Web.2_b-c", "a".repeat(64), "0d6f2c3e-16a1-4f0a-9d7c-3b1f6a0a2c11"])(
    "returns %s as it is",
    (name) => expect(rule(name)).toBe(name),
  );

  test.each([
    ["nothing", ""],
    ["a dot at the start", ".hidden"],
    ["a dash at the start", "-D"],
    ["an underscore at the start", "_x"],
    ["a slash", "a/b"],
    ["a way up", ".."],
    ["a space", "a b"],
    ["a line break at the end", "a\n"],
    ["a NUL", "a\0"],
    ["an @", "web@branch"],
    ["a comma", "a,b"],
    ["a letter beyond ASCII", "wéb"],
    ["a percent sign", "a%2Fb"],
    ["129 characters", "a".repeat(129)],
  ])("refuses %s", (_what, name) => expect(refusal(() => rule(name)).code).toBe("invalid"));
});

describe("lengths", () => {
  test.each([appName, instanceName, queueName])("%p takes 128 characters", (rule) =>
    expect(rule("a".repeat(128))).toHaveLength(128),
  );

  test("a branch id takes 64 and not 65, since it is part of every node name", () => {
    expect(branchId("a".repeat(64))).toHaveLength(64);
    expect(words(() => branchId("a".repeat(65)))).toContain("at most 64 characters");
  });

  test("a name of 10,000 characters is cut in the error", () => {
    expect(words(() => appName("x".repeat(10_000))).length).toBeLessThan(300);
  });
});

describe("reserved names", () => {
  test.each(
    "admin api branches favicon.ico health instances metrics openapi.json ping queues robots.txt static".split(" "),
  )("no app is called %s, but an instance and a queue may be", (name) => {
    expect(refusal(() => appName(name)).code).toBe("invalid");
    expect([instanceName(name), queueName(name)]).toEqual([name, name]);
  });

  test("no instance is called branch.*, whose name could be a file of the branch; an app may be", () => {
    expect(refusal(() => instanceName("branch.db")).code).toBe("invalid");
    expect(instanceName("branch")).toBe("branch");
    expect(appName("branch.db")).toBe("branch.db");
  });

  test.each(["dq.web", "amq.direct"])("no queue is called %s", (name) => {
    expect(refusal(() => queueName(name)).code).toBe("invalid");
    expect(instanceName(name)).toBe(name);
  });

  test.each(["dq", "amq", "dqx", "a.dq.b"])("a queue may be called %s", (name) => expect(queueName(name)).toBe(name));
});

test("the direct queue and the node of an instance", () => {
  expect(directQueue("web")).toBe("dq.web");
  expect(nodeName("web", "b1")).toBe("web@b1");
});

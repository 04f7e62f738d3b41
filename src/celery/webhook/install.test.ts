import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installWebhook, openWebhook, writtenOwn, type WebhookPolicy } from "./install.ts";

const POLICY: WebhookPolicy = { version: "1.2.3", allow: [{ host: "*.example.com" }], own: [] };

let instanceDir = "";
beforeEach(() => void (instanceDir = mkdtempSync(join(tmpdir(), "cyme-install-"))));
afterEach(() => rmSync(instanceDir, { recursive: true }));

const mode = (path: string) => statSync(path).mode & 0o777;
const inode = (path: string) => statSync(path).ino;

describe("installWebhook()", () => {
  test("writes the module and its policy into branch.python, for the user alone", async () => {
    const folder = installWebhook(instanceDir, POLICY);
    expect(folder).toBe(join(instanceDir, "branch.python"));
    expect(readdirSync(folder).toSorted()).toEqual(["cyme_webhook.py", "policy.json"]);
    expect(await Bun.file(join(folder, "policy.json")).json()).toEqual({ ...POLICY, allow: [...(POLICY.allow ?? [])] });
    expect(await Bun.file(join(folder, "cyme_webhook.py")).text()).toContain('NAME = "cyme.tasks.webhook"');
    expect([folder, ...readdirSync(folder).map((name) => join(folder, name))].map(mode)).toEqual([0o700, 0o600, 0o600]);
  });

  test("refuses a folder that Python's path cannot name, having written nothing", () => {
    const odd = join(instanceDir, "a:b");
    expect(() => installWebhook(odd, POLICY)).toThrow('holds a ":", which Python\'s path cannot');
    expect(readdirSync(instanceDir)).toEqual([]);
  });

  test("without a policy leaves the one that is there, also a damaged one, and makes none", () => {
    const folder = installWebhook(instanceDir, undefined);
    expect(readdirSync(folder)).toEqual(["cyme_webhook.py"]);
    writeFileSync(join(folder, "policy.json"), "{");
    installWebhook(instanceDir, undefined);
    expect(readFileSync(join(folder, "policy.json"), "utf8")).toBe("{");
  });

  test("leaves files alone that are as wanted, and replaces others by rename", () => {
    const folder = installWebhook(instanceDir, POLICY);
    const [module, policy] = [join(folder, "cyme_webhook.py"), join(folder, "policy.json")];
    const before = [inode(module), inode(policy)];
    installWebhook(instanceDir, POLICY);
    expect([inode(module), inode(policy)]).toEqual(before);
    installWebhook(instanceDir, { ...POLICY, allow: null });
    expect(inode(module)).toBe(before[0] ?? 0);
    expect(inode(policy)).not.toBe(before[1] ?? 0);
    writeFileSync(module, "raise SystemExit");
    installWebhook(instanceDir, POLICY);
    expect(statSync(module).size).toBeGreaterThan(10_000);
  });

  test("lets other users read it once they may pass through the instance directory, and nobody else write", () => {
    const folder = installWebhook(instanceDir, POLICY);
    const modes = () => [mode(folder), mode(join(folder, "policy.json"))];
    chmodSync(join(folder, "policy.json"), 0o666);
    installWebhook(instanceDir, { ...POLICY, version: "2" });
    expect(modes()).toEqual([0o700, 0o600]);
    chmodSync(instanceDir, 0o711);
    openWebhook(instanceDir);
    expect(modes()).toEqual([0o755, 0o644]);
    installWebhook(instanceDir, { ...POLICY, version: "3" });
    expect(modes()).toEqual([0o755, 0o644]);
  });

  test("leaves nothing behind where it cannot write", () => {
    const folder = installWebhook(instanceDir, undefined);
    mkdirSync(join(folder, "policy.json"));
    expect(() => installWebhook(instanceDir, POLICY)).toThrow("EISDIR");
    expect(readdirSync(folder).toSorted()).toEqual(["cyme_webhook.py", "policy.json"]);
  });

  test("two that write at once both succeed, and what is read is always whole", async () => {
    const script = `const { installWebhook } = await import(${JSON.stringify(join(import.meta.dir, "install.ts"))});
      for (let at = 0; at < 100; at++) installWebhook(${JSON.stringify(instanceDir)}, { version: process.argv[1] + at, allow: null, own: [] });`;
    const writers = ["a", "b"].map((name) => Bun.spawn([process.execPath, "-e", script, name], { stderr: "pipe" }));
    const path = join(instanceDir, "branch.python", "policy.json");
    while (writers.some(({ exitCode }) => exitCode === null)) {
      if (existsSync(path)) expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ allow: null, own: [] });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(writers.map(({ stderr }) => stderr.text()))).toEqual(["", ""]);
    expect(readdirSync(join(instanceDir, "branch.python")).toSorted()).toEqual(["cyme_webhook.py", "policy.json"]);
  });
});

describe("writtenOwn()", () => {
  test("gives where the branch listened", () => {
    const own = [{ host: "127.0.0.1", port: 8000 }];
    installWebhook(instanceDir, { ...POLICY, own });
    expect(writtenOwn(instanceDir)).toEqual(own);
  });

  test.each([undefined, "", "{", "null", "[]", '{"own": 3}'])("is empty where the policy is %p", (text) => {
    const folder = installWebhook(instanceDir, undefined);
    if (text !== undefined) writeFileSync(join(folder, "policy.json"), text);
    expect(writtenOwn(instanceDir)).toEqual([]);
  });
});

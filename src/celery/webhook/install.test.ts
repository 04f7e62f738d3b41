import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installWebhook, webhookPolicy, type WebhookPolicy } from "./install.ts";

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

  test("the policy that was written is read again, a damaged or absent one is none", () => {
    expect(webhookPolicy(instanceDir)).toBeUndefined();
    const folder = installWebhook(instanceDir, POLICY);
    expect(webhookPolicy(instanceDir)).toEqual(POLICY);
    writeFileSync(join(folder, "policy.json"), "{");
    expect(webhookPolicy(instanceDir)).toBeUndefined();
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

  test("closes what stood open", () => {
    const folder = installWebhook(instanceDir, POLICY);
    writeFileSync(join(folder, "policy.json.new"), "", { mode: 0o644 });
    installWebhook(instanceDir, { ...POLICY, version: "2" });
    expect(mode(join(folder, "policy.json"))).toBe(0o600);
  });
});

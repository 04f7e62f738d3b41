import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import type { WebhookPolicy } from "../../src/celery/webhook/install.ts";
import { celeries } from "../harness/celery.ts";
import { answer, startEcho, startTarget, type Echo } from "../harness/targets.ts";
import { policyOf, startFetcher, type Fetcher } from "./fetcher.ts";

/** An address of this machine that is not loopback. */
const outward = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

describe.each(celeries())("what URL tasks reach, by the Python of Celery $name:", ({ python }) => {
  let fetcher: Fetcher;
  let echo: Echo;
  let everywhere: Echo;
  beforeAll(async () => {
    fetcher = startFetcher(python);
    echo = await startEcho();
    everywhere = await startEcho("::");
  });
  afterEach(() => void (everywhere.requests.length = echo.requests.length = 0));
  afterAll(async () => {
    await Promise.all([echo.stop(), everywhere.stop()]);
    await fetcher[Symbol.asyncDispose]();
  });

  const refusal = async (url: string, policy: WebhookPolicy) => {
    const { type, message } = await fetcher.failure({ url, policy, seconds: 5 });
    expect(type).toBe("TargetRefused");
    return message;
  };

  test.each([
    ["169.254.169.254", "link-local"],
    ["169.254.0.1", "link-local"],
    ["2852039166", "link-local"], // 169.254.169.254 as one number
    ["0xa9fea9fe", "link-local"],
    ["0251.0376.0251.0376", "link-local"],
    ["169.254.43518", "link-local"],
    ["[fe80::1]", "link-local"],
    ["[::ffff:169.254.169.254]", "link-local"],
    ["[64:ff9b::a9fe:a9fe]", "link-local"],
    ["[2002:a9fe:a9fe::1]", "link-local"],
    ["[::a9fe:a9fe]", "link-local"],
    ["[::ffff:0:169.254.169.254]", "link-local"], // SIIT
    ["[64:ff9b:1::a9fe:a9fe]", "link-local"],
    ["[64:ff9b:1:a9fe:a9:fe00::]", "link-local"],
    ["[64:ff9b:1:42a9:fe:a9fe::]", "link-local"],
    ["[64:ff9b:1:42:a9:fea9:fe00:0]", "link-local"],
    ["[2001:0:cb00:7101:0:0:5601:5601]", "link-local"], // Teredo
    ["[fd00:ec2::254]", "metadata"],
    ["[fd20:ce::254]", "metadata"],
    ["100.100.100.200", "metadata"],
    ["168.63.129.16", "metadata"],
    ["192.0.0.192", "metadata"],
    ["[::ffff:168.63.129.16]", "metadata"],
  ])("never %s by itself, a %s address", async (host, kind) => {
    for (const allow of [[], ["*"]]) {
      const message = await refusal(`http://${host}/latest`, policyOf(allow));
      expect([message.includes(kind), message.includes("--webhook-allow")]).toEqual([true, true]);
    }
  });

  test.each([
    "127.0.0.1",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "0.0.0.0",
    "0",
    "[::ffff:127.0.0.1]",
  ])("not the branch by the name %s", async (host) => {
    const own = [{ host: "127.0.0.1", port: echo.port }];
    for (const allow of [[], ["*"]]) {
      expect(await refusal(`http://${host}:${echo.port}/`, policyOf(allow, own))).toContain(
        "HTTP address of this branch",
      );
    }
    expect(echo.connections()).toBe(0);
  });

  test.each<[string, string[]]>([
    ["0.0.0.0", ["127.0.0.1", "127.0.0.9", "[::1]", "[::]", "[::ffff:127.0.0.1]"]],
    ["::", ["127.0.0.1", "[::1]"]],
    ["localhost", ["127.0.0.1", "[::1]", "localhost"]],
    ["::1", ["[::1]", "[::]"]],
  ])("not a branch that listens on %s", async (host, targets) => {
    const own = [{ host, port: everywhere.port }];
    const addresses = host === "0.0.0.0" && outward !== undefined ? [...targets, outward] : targets;
    for (const target of addresses) await refusal(`http://${target}:${everywhere.port}/`, policyOf([], own));
    expect(everywhere.requests).toEqual([]);
  });

  test("other ports and other addresses of the machine, though the branch listens there", async () => {
    const policy = policyOf(
      [],
      [
        { host: "127.0.0.9", port: echo.port },
        { host: "127.0.0.1", port: 1 },
      ],
    );
    expect(await fetcher.fetch({ url: echo.url, policy })).toMatchObject({ status_code: 200 });
  });

  test.each([["127.0.0.1"], ["127.0.0.0/8"], ["::1,127.0.0.1/32"]])("the branch where %s allows it", async (allow) => {
    const policy = policyOf([allow], [{ host: "127.0.0.1", port: echo.port }]);
    expect(await fetcher.fetch({ url: echo.url, policy })).toMatchObject({ status_code: 200 });
  });

  test("nothing by an address that may be another, though the other is allowed", async () => {
    // With a prefix of 48 bits it is 10.1.0.0, with one of 96 bits 127.0.0.1.
    const url = `http://[64:ff9b:1:a01::7f00:1]:${echo.port}/`;
    for (const allow of ["10.0.0.0/8", "127.0.0.0/8"]) {
      expect(await refusal(url, policyOf([allow]))).toContain("is not allowed by --webhook-allow");
    }
  });

  test("the branch by a name that is allowed without a wildcard", async () => {
    const own = [{ host: "127.0.0.1", port: echo.port }];
    const url = `http://localhost:${echo.port}/`;
    expect(await fetcher.fetch({ url, policy: policyOf(["LOCALHOST"], own) })).toMatchObject({ status_code: 200 });
    await refusal(url, policyOf(["local*"], own));
  });

  test.each<[string, string[], boolean]>([
    ["127.0.0.1", ["10.0.0.0/8"], false],
    ["127.0.0.1", ["10.0.0.0/8", "127.0.0.0/8"], true],
    ["127.0.0.1", ["*.0.0.1.example"], false],
    ["localhost", ["*.localhost"], false],
    ["localhost", ["local*"], true],
    ["LOCALHOST", ["l*l*t"], true],
    ["localhost", ["localhos"], false],
    ["localhost", ["ocalhost"], false],
    ["localhost", ["*"], true],
    // A * alone is for everything; with letters beside it a pattern is for names: f* is not for fd00::5.
    ["127.0.0.1", ["*"], true],
    ["127.1", ["*"], true],
    ["0x7f000001", ["*x7f*"], false],
    ["[fd00::5]", ["f*"], false],
    ["localhost", ["127.0.0.1"], true],
    ["[::ffff:127.0.0.1]", ["127.0.0.1"], true],
  ])("with the host %s and --webhook-allow %j: %p", async (host, allow, isReached) => {
    const url = `http://${host}:${echo.port}/`;
    const policy = policyOf(allow);
    if (isReached) expect(await fetcher.fetch({ url, policy })).toMatchObject({ status_code: 200 });
    else expect(await refusal(url, policy)).toContain("is not allowed by --webhook-allow");
  });

  test.each(["169.254.169.254", "localhost:1"])("no redirect to %s, which is refused", async (place) => {
    const location = [`Location: http://${place}/`];
    await using target = await startTarget((socket) => socket.end(answer({ status: "302 R", headers: location })));
    await refusal(
      target.url,
      policyOf(["127.0.0.1"].slice(place === "localhost:1" ? 1 : 0), [{ host: "127.0.0.1", port: 1 }]),
    );
    expect(target.connections()).toBe(1);
  });

  describe("policy.json", () => {
    test("counts as it is now", async () => {
      const directory = mkdtempSync(join(tmpdir(), "cyme-policy-"));
      const policy_file = join(directory, "policy.json");
      const write = (text: string) => {
        writeFileSync(`${policy_file}.new`, text);
        renameSync(`${policy_file}.new`, policy_file);
      };
      try {
        const missing = await fetcher.failure({ url: echo.url, policy_file });
        expect(missing).toMatchObject({ type: "PolicyUnreadable", message: expect.stringContaining(policy_file) });
        write(JSON.stringify(policyOf()));
        expect(await fetcher.fetch({ url: echo.url, policy_file })).toMatchObject({ status_code: 200 });
        for (const damaged of ["{", "[]", "{}", '{"version":"1","allow":[{"network":"x"}],"own":[]}']) {
          write(damaged);
          expect((await fetcher.failure({ url: echo.url, policy_file })).message).toContain("damaged");
        }
        write(JSON.stringify(policyOf(["10.0.0.0/8"])));
        expect((await fetcher.failure({ url: echo.url, policy_file })).type).toBe("TargetRefused");
        expect(echo.requests.length).toBe(1);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
});

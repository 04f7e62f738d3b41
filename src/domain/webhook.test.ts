import { describe, expect, test } from "bun:test";
import { refusal, words } from "./test-support.ts";
import { parseWebhookAllow } from "./webhook.ts";

const parse = (...values: string[]) => parseWebhookAllow("--webhook-allow", values);

describe("parseWebhookAllow()", () => {
  test("restricts nothing where nothing is given", () => expect(parse()).toBeNull());

  test.each<[string, string]>([
    ["example.com", "example.com"],
    ["*.Example.COM", "*.example.com"],
    ["api-*.example.com.", "api-*.example.com"],
    ["localhost", "localhost"],
    ["my_host", "my_host"],
    ["*", "*"],
    ["1a.example.com", "1a.example.com"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ])("reads %j as a pattern of hosts", (given, host) => expect(parse(given)).toEqual([{ host }]));

  test.each<[string, string]>([
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["192.168.7.255/23", "192.168.6.0/23"],
    ["127.0.0.1", "127.0.0.1/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["fd00::/8", "fd00:0:0:0:0:0:0:0/8"],
    ["[fd12:3456::1]/20", "fd12:3000:0:0:0:0:0:0/20"],
    ["::1", "0:0:0:0:0:0:0:1/128"],
    ["[::1]", "0:0:0:0:0:0:0:1/128"],
    ["::/0", "0:0:0:0:0:0:0:0/0"],
    ["::ffff:10.0.0.1", "0:0:0:0:0:ffff:a00:1/128"],
    ["2001:db8:1:2:3:4:5:6/127", "2001:db8:1:2:3:4:5:6/127"],
  ])("reads %j as a network", (given, network) => expect(parse(given)).toEqual([{ network }]));

  test("takes several, repeated or separated by commas", () => {
    expect(parse("a.example, 10.0.0.0/8", "*.b.example")).toEqual([
      { host: "a.example" },
      { network: "10.0.0.0/8" },
      { host: "*.b.example" },
    ]);
  });

  test.each([
    "",
    " ",
    "a,,b",
    "http://a.example",
    "a.example:80",
    "a.example/path",
    "a b",
    "user@a.example",
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "[10.0.0.1]",
    "[::1",
    "fe80::1%eth0",
    "10.*",
    "10.0.0",
    "2130706433",
    "0x7f.1",
    "..",
    ".example.com",
    "bücher.example",
    "[::1]:80",
  ])("refuses %j", (given) => {
    expect(refusal(() => parse(given)).code).toBe("invalid");
    expect(words(() => parse(given))).toContain("--webhook-allow");
  });
});

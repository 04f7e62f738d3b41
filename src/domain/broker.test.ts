import { describe, expect, test } from "bun:test";
import { seededRandom } from "../kit/test-support.ts";
import {
  brokerLabel,
  brokerUrl,
  DEFAULT_BROKER_URL,
  parseBrokerParams,
  parseBrokerUrl,
  type Broker,
} from "./broker.ts";
import { refusal, words } from "./test-support.ts";

const LOCAL: Broker = {
  scheme: "amqp",
  hostname: "127.0.0.1",
  port: 5672,
  userid: "guest",
  password: "guest",
  virtualHost: "/",
};
const parse = (url: string) => parseBrokerUrl("broker", url);

describe("parseBrokerUrl()", () => {
  test.each<[string, Partial<Broker>]>([
    [DEFAULT_BROKER_URL, {}],
    ["amqp://", {}],
    ["amqp://127.0.0.1", {}],
    ["amqp://127.0.0.1/", {}],
    ["amqp://127.0.0.1:/", {}],
    ["amqp://127.0.0.1//", {}],
    ["amqp://127.0.0.1/%2F", {}],
    ["  amqp://127.0.0.1  ", {}],
    ["pyamqp://127.0.0.1", {}],
    ["amqps://127.0.0.1", { scheme: "amqps", port: 5671 }],
    ["amqps://127.0.0.1:5672", { scheme: "amqps" }],
    [
      "amqp://rabbit_1.example-x.org:65535/shop",
      { hostname: "rabbit_1.example-x.org", port: 65_535, virtualHost: "shop" },
    ],
    ["amqp://127.0.0.1//shop", { virtualHost: "/shop" }],
    ["amqp://127.0.0.1/a/b", { virtualHost: "a/b" }],
    ["amqp://me@127.0.0.1", { userid: "me", password: "" }],
    ["amqp://me:@127.0.0.1", { userid: "me", password: "" }],
    ["amqp://:pw@127.0.0.1", { password: "pw" }],
    ["amqp://me:a:b@127.0.0.1", { userid: "me", password: "a:b" }],
    ["amqp://me:p@ss@127.0.0.1", { userid: "me", password: "p@ss" }],
    ["amqp://m%40e:%40%2F%25%3A%23%3F@127.0.0.1/%40%20v", { userid: "m@e", password: "@/%:#?", virtualHost: "@ v" }],
    ["amqp://j%C3%B6rg:%F0%9F%90%B0@127.0.0.1", { userid: "jörg", password: "🐰" }],
    ["amqp://[::1]:5673/", { hostname: "[::1]", port: 5673 }],
    ["amqp://me:pw@[2001:db8::7]", { userid: "me", password: "pw", hostname: "[2001:db8::7]" }],
  ])("reads %s", (url, parts) => expect(parse(url)).toEqual({ ...LOCAL, ...parts }));

  test.each([
    "",
    "hush",
    "//me:hush@host",
    "redis://:hush@host:6379/0",
    "http://me:hush@host",
    "amqp:me:hush@host",
    "amqp://me:hush",
    "amqp://me:12345678901",
    "amqp://me:hush/slash@host",
    "amqp://me:123/hush@host",
    "amqp://me:hush@host:port",
    "amqp://me:hush@host:0",
    "amqp://me:hush@host:99999",
    "amqp://me:hush@host:123456",
    "amqp://me:hush@host:-1",
    "amqp://me:hush@ho st",
    "amqp://me:hush@-host",
    "amqp://me:hush@host/vhost?heartbeat=1",
    "amqp://me:hush@host/vhost#x",
    "amqp://me:hush@host?x",
    "amqp://me:hush%zz@host",
    "amqp://me:hush%@host",
    "amqp://me:hush%ff@host",
    "amqp://me:hush%00@host",
    "amqp://me:hush%0Ax@host",
    "amqp://me:hush@host/%0d",
    "amqp://me:hush@[::1",
    "amqp://me:hush@[::g]",
    "amqp://me:hush@::1",
    `amqp://me:hush@${"a".repeat(300)}`,
  ])("refuses %s, and shows nothing of it", (url) => {
    const error = refusal(() => parse(url));
    expect(error.code).toBe("invalid");
    expect(JSON.stringify([error.message, error.facts])).not.toMatch(/hush|12345678901|123\//);
  });

  test("names the parameter that held the URL", () => {
    expect(words(() => parseBrokerUrl("--broker", "x"))).toStartWith("Cannot use --broker: wanted a URL amqp://");
  });
});

describe("brokerUrl()", () => {
  const ALPHABET = [..."aZ09@/%:#?&=+ ~!$'()*,;[]\\\"<>|^`{}._-", "ü", "日", "🐰"];

  test("is read back as the same broker, whatever user, password and virtual host hold", () => {
    const random = seededRandom(1);
    const some = (least: number) =>
      Array.from(
        { length: least + Math.floor(random() * 6) },
        () => ALPHABET[Math.floor(random() * ALPHABET.length)],
      ).join("");
    for (let round = 0; round < 2000; round++) {
      const broker: Broker = {
        scheme: random() < 0.5 ? "amqp" : "amqps",
        hostname: ["127.0.0.1", "rabbit.example", "[::1]", "[2001:db8::7]"][round % 4] ?? "",
        port: 1 + Math.floor(random() * 65_535),
        userid: some(1),
        password: some(0),
        virtualHost: some(1),
      };
      expect(parse(brokerUrl(broker))).toEqual(broker);
    }
  });

  test("is what kombu reads too: reserved characters are percent-encoded", () => {
    const broker = { ...LOCAL, userid: "a@b", password: "/%:#", virtualHost: "a/b" };
    expect(brokerUrl(broker)).toBe("amqp://a%40b:%2F%25%3A%23@127.0.0.1:5672/a%2Fb");
    expect(brokerUrl(LOCAL)).toBe(DEFAULT_BROKER_URL);
  });
});

test("brokerLabel() says where a broker is, and neither user nor password", () => {
  const broker = parse("amqps://me:hush@[::1]/a/b");
  expect(brokerLabel(broker)).toBe("amqps://[::1]:5671/a%2Fb");
});

describe("parseBrokerParams()", () => {
  test("is undefined where nothing was given, null for the default one", () => {
    expect(parseBrokerParams({})).toBeUndefined();
    expect([{ broker: null }, { broker: "" }, { hostname: null }, { hostname: "" }].map(parseBrokerParams)).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  test("takes a URL, or its parts", () => {
    expect(parseBrokerParams({ broker: "amqp://me:p%2Fw@h:1/v" })).toEqual({
      ...LOCAL,
      hostname: "h",
      port: 1,
      userid: "me",
      password: "p/w",
      virtualHost: "v",
    });
    expect(parseBrokerParams({ hostname: "h", port: "1", userid: "me", password: "p%2Fw", virtual_host: "v" })).toEqual(
      {
        ...LOCAL,
        hostname: "h",
        port: 1,
        userid: "me",
        password: "p%2Fw",
        virtualHost: "v",
      },
    );
  });

  test("gives the parts that are left out, empty or null their defaults", () => {
    expect(parseBrokerParams({ hostname: "127.0.0.1" })).toEqual(LOCAL);
    expect(parseBrokerParams({ hostname: "127.0.0.1", port: null, userid: "", password: null, vhost: "" })).toEqual(
      LOCAL,
    );
  });

  test("vhost is the same as virtual_host", () => {
    expect(parseBrokerParams({ hostname: "127.0.0.1", vhost: "v" })).toEqual({ ...LOCAL, virtualHost: "v" });
  });

  test("puts brackets around a bare IPv6 address", () => {
    expect(parseBrokerParams({ hostname: "::1" })).toEqual({ ...LOCAL, hostname: "[::1]" });
  });

  test("checks and then ignores the other parts without hostname, as documented", () => {
    expect(parseBrokerParams({ port: "1", userid: "me", password: "pw", virtual_host: "v" })).toBeUndefined();
    expect(refusal(() => parseBrokerParams({ port: "99999" })).facts).toMatchObject({ parameter: "port" });
  });

  test.each([
    [{ broker: "amqp://h", hostname: "h" }],
    [{ hostname: "h", vhost: "a", virtual_host: "a" }],
    [{ broker: 5 }],
    [{ hostname: 5 }],
    [{ hostname: "a/b" }],
    [{ hostname: "amqp://me:hush@h" }],
    [{ hostname: "h", port: 0 }],
    [{ hostname: "h", port: 65_536 }],
    [{ hostname: "h", port: "hush" }],
    [{ hostname: "h", userid: 5 }],
    [{ hostname: "h", userid: "a\nb" }],
    [{ hostname: "h", password: ["hush"] }],
    [{ hostname: "h", password: "hush\r" }],
    [{ hostname: "h", password: "hush".repeat(300) }],
    [{ hostname: "h", vhost: "v".repeat(256) }],
  ])("refuses %j", (params: Record<string, unknown>) => {
    const error = refusal(() => parseBrokerParams(params));
    expect(error.code).toBe("invalid");
    if (params["port"] !== "hush") expect(error.message).not.toContain("hush");
  });
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { version } from "../../package.json";
import type { RawAnswer } from "../api/raw.ts";
import type { Branch } from "../harness/branch.ts";
import { celeries } from "../harness/celery.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { startEcho, type Echo, type Seen } from "../harness/targets.ts";
import { UUID, ask, forEach, outcome, startShop, type Outcome, type Sent } from "./work.ts";

const VERBS = ["HEAD", "GET", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "CONNECT", "PATCH"] as const;
const CANNOT_CARRY: readonly string[] = ["GET", "HEAD", "TRACE"];

interface Body {
  readonly about: string;
  readonly type: string | undefined;
  readonly body: Uint8Array | undefined;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const NO_BODY: Body = { about: "no body", type: undefined, body: undefined };
const BODIES: readonly Body[] = [
  { about: "a form", type: "application/x-www-form-urlencoded", body: bytes("a=1&a=2&b=%C3%BC&timeout=1&c") },
  { about: "JSON", type: "application/json", body: bytes('{"ü": [1.0, 1e400, 12345678901234567890], "timeout": 5}\n') },
  { about: "binary", type: "image/x-test", body: Uint8Array.from({ length: 70_000 }, (_, at) => (at * 7) % 256) },
  { about: "text with a BOM", type: "text/plain; charset=utf-8", body: bytes("\ufeffGrüße 🚚\r\n\u2028") },
  { about: "text with a NUL", type: "text/plain; charset=utf-8", body: bytes("a\u0000b") },
  { about: "an empty body", type: "text/plain", body: bytes("") },
];

/** One send: `text` is what stands in the request line of Cyme, `target` what the web server is to be asked for. */
interface Case extends Body {
  readonly name: string;
  readonly method: string;
  readonly text: (host: string) => string;
  readonly target: string;
  readonly headers?: Record<string, string>;
  readonly isOfV6?: boolean;
}

const ofVerbs: Case[] = VERBS.flatMap((method) =>
  (CANNOT_CARRY.includes(method) ? [NO_BODY] : [NO_BODY, ...BODIES]).map((body) => {
    const target = `/verb-${method}/${body.about.replaceAll(" ", "-")}?user=133`;
    return { ...body, name: `${method} with ${body.about}`, method, target, text: (host) => `http://${host}${target}` };
  }),
);

/** The part behind the host, and how it arrives where that differs. */
const ODD_TARGETS: readonly (readonly [name: string, text: string, arrives?: string])[] = [
  ["double slashes", "/@//a///b//"],
  ["an encoded slash", "/@/a%2Fb%2fc"],
  ["semicolons", "/@/a;b=1;c/d;e?f=1;g=2"],
  ["encoded spaces", "/@/a%20b+c?d=%20e+f"],
  ["percent signs that encode nothing", "/@/100%/%zz?a=%&b=%zz"],
  ["a bare question mark at the end", "/@/a?"],
  ["several question marks", "/@/a?b?c=??d"],
  ["repeated parameters", "/@/a?b=1&b=2&b=1&c&c="],
  ["parameters with names of Cyme's own", "/@/a?timeout=1&nowait=1&queue=x&follow=1"],
  ["nested URLs", "/@/http://other.example/x?u=https://a/b//c?d"],
  ["a path like one of Cyme's", "/@/queue/t2/!/shop/query/wait/"],
  ["other punctuation", "/@/!'()*@:$,+=&~[]-._?/:@!$()*,;[]&=~"],
  ["encoded unicode", "/@/%C3%A9%f0%9f%9a%9a?n=%c3%bc&bad=%ff%FE"],
  ["raw unicode", "/@/é🚚?n=ü", "/@/%C3%A9%F0%9F%9A%9A?n=%C3%BC"],
  ["an encoded fragment sign", "/@/a%23b?c=%23d"],
  ["a fragment", "/@/a?b=1#c/d?e", "/@/a?b=1"],
  ["encoded control characters", "/@/a%0D%0AX-Bad:%201%00?b=%0A"],
  ["encoded dots", "/@/a/...//..b/%2e.c"],
  ["dot segments", "/@/a/./b/../c/%2e%2E/d?e=../f", "/@/a/d?e=../f"],
  ["8 KB", `/@/${"x".repeat(4000)}?${"y=%20&".repeat(700)}`],
  ["characters that are encoded by everybody", '/@/a"b<c>d', "/@/a%22b%3Cc%3Ed"],
  // Bun's URL parser does it; every web server reads both the same.
  ["an apostrophe in a query", "/@/a'b?c='d'", "/@/a'b?c=%27d%27"],
  ["only a query", "?@=1", "/?@=1"],
];

const mark = (index: number) => `odd-${index}-`;
const ofTargets: Case[] = ODD_TARGETS.map(([name, text, arrives = text], index) => ({
  ...NO_BODY,
  name,
  method: "GET",
  text: (host) => `http://${host}${text.replace("@", mark(index))}`,
  target: arrives.replace("@", mark(index)),
}));

const BASIC = `Basic ${Buffer.from("Ann:p@ss wörd:").toString("base64")}`;
const plain = (name: string, target: string, text: Case["text"]): Case => ({
  ...NO_BODY,
  name,
  method: "GET",
  text,
  target,
});
const ofPlaces: Case[] = [
  plain("a host without a path", "/", (host) => `http://${host}`),
  { ...plain("an IPv6 host", "/v6/a//b", (host) => `http://${host}/v6/a//b`), isOfV6: true },
  plain("a scheme in capitals", "/capitals", (host) => `HTTP://${host}/capitals`),
  plain("a host that is a name", "/name", (host) => `http://localhost:${host.split(":")[1]}/name`),
  {
    ...plain("user and password", "/userinfo", (host) => `http://Ann:p%40ss%20w%C3%B6rd%3A@${host}/userinfo`),
    headers: { Authorization: BASIC },
  },
  plain("one that is encoded as a whole", "/whole/a?b=1&c=%2F", (host) =>
    encodeURIComponent(`http://${host}/whole/a?b=1&c=%2F`),
  ),
  plain(
    "one that is encoded but for its query",
    "/but/a?b=1&c=%2F",
    (host) => `${encodeURIComponent(`http://${host}/but/a`)}?b=1&c=%2F`,
  ),
  plain("one that is encoded with its query and has more of it", "/more?b=1&c=2&c=3", (host) =>
    `${encodeURIComponent(`http://${host}/more?b=1`)}&c=2&c=3`.replace("&", "?"),
  ),
];

const CASES = [...ofVerbs, ...ofTargets, ...ofPlaces];

describe.each(celeries())("with Celery $name", (celery) => {
  let vhost: Vhost;
  let branch: Branch;
  let echo: Echo;
  let echo6: Echo;
  let answers: readonly RawAnswer[];
  let outcomes: readonly Outcome[];

  const echoOf = ({ isOfV6 }: Case) => (isOfV6 ? echo6 : echo);
  const hostOf = (one: Case) => new URL(echoOf(one).url).host;

  const sendCase = (one: Case) =>
    ask(branch, one.text(hostOf(one)), {
      method: one.method,
      ...(one.type === undefined ? {} : { headers: { "Content-Type": one.type } }),
      ...(one.body === undefined ? {} : { body: one.body }),
    });

  /** The one request that the web server saw of a case. */
  function seenOf(one: Case): Seen {
    const seen = echoOf(one).requests.filter(({ target, method }) => target === one.target && method === one.method);
    expect(seen).toHaveLength(1);
    return seen[0] as Seen;
  }

  const answerOf = (one: Case) => answers[CASES.indexOf(one)] as RawAnswer;

  beforeAll(async () => {
    vhost = await freshVhost();
    [echo, echo6] = await Promise.all([startEcho(), startEcho("::1")]);
    branch = await startShop({ broker: vhost.url, celery });
    answers = await forEach(CASES, 16, sendCase);
    outcomes = await forEach(answers, 32, ({ headers }) => outcome(branch, String(headers.get("x-cyme-task"))));
  }, 60_000);

  afterAll(async () => {
    await branch[Symbol.asyncDispose]();
    await Promise.all([echo.stop(), echo6.stop(), vhost.drop()]);
  }, 60_000);

  test("nothing but what was sent was asked of the web servers", () => {
    const asked = (requests: readonly Seen[]) => requests.map(({ method, target }) => `${method} ${target}`).toSorted();
    const sent = CASES.map(({ method, target }) => `${method} ${target}`).toSorted();
    expect(asked([...echo.requests, ...echo6.requests])).toEqual(sent);
  });

  test.each(CASES)("$name: what the web server saw is what was sent", (one) => {
    const { headers, body } = seenOf(one);
    const named = Object.fromEntries(headers);
    const host = one.name === "a host that is a name" ? `localhost:${echo.port}` : hostOf(one);
    expect(named).toMatchObject({ Host: host, "User-Agent": `Celery/cyme v${version}`, ...one.headers });
    expect(headers.map(([name]) => name).toSorted()).toEqual(
      [
        "Accept",
        "Accept-Encoding",
        "Connection",
        "Host",
        "User-Agent",
        ...(one.type === undefined ? [] : ["Content-Type"]),
        ...(one.headers ? Object.keys(one.headers) : []),
        ...(["POST", "PUT", "PATCH"].includes(one.method) || one.body?.length ? ["Content-Length"] : []),
      ].toSorted(),
    );
    expect(named["Content-Type"]).toBe(one.type);
    expect(body.equals(Buffer.from(one.body ?? []))).toBe(true);
  });

  test.each(CASES)("$name: the result is what the web server answered", (one) => {
    const { result, error } = outcomes[CASES.indexOf(one)] as Outcome;
    expect(error).toBeUndefined();
    expect(result).toMatchObject({ status_code: 200, is_base64: false });
    const hasContent = one.method !== "HEAD" && one.method !== "CONNECT";
    const target = hasContent ? (JSON.parse(result?.content ?? "") as Seen).target : result?.content;
    expect(target).toBe(hasContent ? one.target : "");
    expect(result?.headers["Content-Type"]).toBe("application/json");
    const host = one.name === "a host that is a name" ? `localhost:${echo.port}` : hostOf(one);
    expect(result?.url).toBe(`http://${host}${one.target}`);
  });

  test.each(CASES)("$name: the send is answered with what was accepted", (one) => {
    const { status, headers, text } = answerOf(one);
    expect([status, text]).toEqual([202, one.method === "HEAD" ? "" : expect.stringContaining("{")]);
    const uuid = headers.get("x-cyme-task");
    expect(uuid).toMatch(UUID);
    expect(headers.get("location")).toBe(`/shop/query/${uuid}/`);
    if (one.method === "HEAD") return;
    const sent = JSON.parse(text) as Sent;
    expect(sent).toMatchObject({ uuid: String(uuid), queue: "t2", method: one.method });
    expect(sent.broker).toMatchObject({ hostname: "127.0.0.1", virtual_host: vhost.vhost });
    const body = Buffer.from(sent.data ?? "", sent.is_base64 ? "base64" : "utf8");
    expect(body.equals(Buffer.from(one.body ?? []))).toBe(true);
    const isBase64 = one.about === "binary" || one.about === "text with a NUL";
    expect([sent.data === null, sent.is_base64]).toEqual([!one.body?.length, isBase64]);
  });

  test("the answer has the URL and its parameters", () => {
    const sentOf = (name: string) => {
      const one = CASES.find((each) => each.name === name) as Case;
      return JSON.parse(answerOf(one).text) as Sent;
    };
    expect(sentOf("repeated parameters").params).toEqual({ b: ["1", "2", "1"], c: ["", ""] });
    expect(sentOf("GET with no body").params).toEqual({ user: "133" });
    expect(sentOf("a fragment").url).toEndWith("/a?b=1#c/d?e");
    expect(sentOf("double slashes").url).toBe(`${echo.url}/${mark(0)}//a///b//`);
    expect(sentOf("one that is encoded as a whole").url).toBe(`${echo.url}/whole/a?b=1&c=%2F`);
  });

  test.each(CANNOT_CARRY)("%s with a body is refused, since it would not be forwarded", async (method) => {
    for (const body of ["x", ["in", "pieces"]]) {
      const { status, text } = await ask(branch, `${echo.url}/with-body`, { method, body });
      expect(status).toBe(400);
      if (method !== "HEAD") expect(JSON.parse(text)).toMatchObject({ error: "invalid", parameter: "the body" });
    }
  });

  test("a body that comes in pieces is forwarded whole", async () => {
    const path = "/pieces";
    const { headers } = await ask(branch, echo.url + path, { method: "POST", body: ["some ", "more ", "pieces"] });
    await outcome(branch, String(headers.get("x-cyme-task")));
    const [seen] = echo.requests.filter(({ target }) => target === path);
    expect(seen?.body.toString()).toBe("some more pieces");
  });

  test("a body that is compressed stays so, and its encoding is forwarded", async () => {
    const path = "/compressed";
    const body = Bun.gzipSync("hello");
    const headers = { "Content-Type": "text/plain", "Content-Encoding": "gzip" };
    const answered = await ask(branch, echo.url + path, { method: "PUT", body, headers });
    await outcome(branch, String(answered.headers.get("x-cyme-task")));
    const [seen] = echo.requests.filter(({ target }) => target === path);
    expect(Object.fromEntries(seen?.headers ?? [])).toMatchObject(headers);
    expect(seen?.body.equals(Buffer.from(body))).toBe(true);
  });
});

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { raw } from "../api/raw.ts";
import { startBranch, type Branch } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { basic, makePeople, passwordOf, type Brought, type People } from "./people.ts";

/* Clients that send too much, too slowly or too often. */

const MAX_BODY = 20_000;
const SLOW_MS = 90_000;

let vhost: Vhost;
let branch: Branch;
let people: People;

beforeAll(async () => {
  vhost = await freshVhost();
  branch = await startBranch({ broker: vhost.url, args: ["--max-body", String(MAX_BODY)] });
  people = await makePeople(branch);
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
}, 60_000);

const ENDLESS = { "Content-Length": "100000000000" };
const HOST = "Host: localhost\r\n";

describe("a body that is too large", () => {
  const large = ["x".repeat(MAX_BODY), "x"];

  test("is refused by the length that it is said to have, before anything of it has come", async () => {
    const headers = { ...people.brings("admin", "bearer"), ...ENDLESS };
    const { status, text } = await raw(branch.url, { method: "PUT", path: "/shop/", headers });
    expect([status, JSON.parse(text)]).toEqual([
      413,
      expect.objectContaining({ error: "too-large", max_body: MAX_BODY }),
    ]);
  });

  test("is refused as well where it does not say how long it is", async () => {
    const request = { method: "PUT", path: "/shop/", headers: people.brings("admin", "bearer"), body: large };
    expect((await raw(branch.url, request)).status).toBe(413);
  });

  test("is refused to who wants to log in", async () => {
    const request = { method: "POST", path: "/api/session/", body: large };
    expect((await raw(branch.url, request)).status).toBe(413);
    expect((await raw(branch.url, { method: "POST", path: request.path, headers: ENDLESS })).status).toBe(413);
  });

  test("is not even waited for where nobody knows who sends it, or it may not be sent", async () => {
    const ask = async (path: string, headers: Brought) =>
      (await raw(branch.url, { method: "POST", path, headers: { ...headers, "Content-Length": "10000" } })).status;
    for (const path of ["/shop/", "/api/users/x/", "/shop/queue/q/http://m/x", "/shop/task/q/t/"]) {
      expect([path, await ask(path, {})]).toEqual([path, 401]);
      expect([path, await ask(path, people.brings("viewer", "bearer"))]).toEqual([path, 403]);
    }
  });
});

test("a head that is too long is refused", async () => {
  const long = "x".repeat(20_000);
  expect((await raw(branch.url, { method: "GET", path: `/ping/?${long}` })).status).toBe(431);
  expect((await raw(branch.url, { method: "GET", path: "/ping/", headers: { "X-Long": long } })).status).toBe(431);
});

const post = (path: string, how: string) => `POST ${path} HTTP/1.1\r\n${HOST}${how}\r\n`;
/** What is answered where something is: before a request is whole there is nobody to answer. */
const SLOW: readonly (readonly [what: string, head: string, drop: string, answered: string])[] = [
  ["nothing at all", "", "", ""],
  ["a request line", "GET /pi", "n", ""],
  ["headers", `GET /ping/ HTTP/1.1\r\n${HOST}`, "X-A: b\r\n", ""],
  ["a body", `${post("/api/session/", "Content-Length: 5000\r\n")}{`, " ", "HTTP/1.1 408"],
  [
    "a body in pieces",
    `${post("/api/session/", "Transfer-Encoding: chunked\r\n")}1\r\n{\r\n`,
    "1\r\n \r\n",
    "HTTP/1.1 408",
  ],
];

test(
  "who sends too slowly is given up, and everybody else is served meanwhile",
  async () => {
    const given = SLOW.map(async ([what, head, drop, answered]) => {
      const { ended, received } = trickle(head, drop);
      const isGivenUp = () => ended() || (answered !== "" && received().startsWith(answered));
      await until(isGivenUp, { what: `the end of ${what}`, timeoutMs: SLOW_MS });
      return [what, received().slice(0, answered.length), received() === ""];
    });
    expect((await branch.api("GET", "/ping/")).status).toBe(200);
    expect(await Promise.all(given)).toEqual(SLOW.map(([what, , , answered]) => [what, answered, answered === ""]));
    expect((await branch.api("GET", "/ping/")).status).toBe(200);
  },
  SLOW_MS + 10_000,
);

/** Sends the beginning, and then a drop again and again until the connection ends. */
function trickle(head: string, drop: string): { ended(): boolean; received(): string } {
  let isEnded = false;
  let text = "";
  const { hostname, port } = new URL(branch.url);
  const socket: Socket = connect({ host: hostname, port: Number(port) }, () => socket.write(head));
  const dropping = setInterval(() => drop !== "" && socket.write(drop), 500);
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(dropping);
    isEnded = true;
  });
  return { ended: () => isEnded, received: () => text };
}

describe("who guesses passwords", () => {
  const guess = (name: string, password: string) =>
    branch.api<{ nok: string; retry_after?: number }>("GET", "/", { headers: basic(name, password) });

  test("learns nothing about which names there are", async () => {
    const [known, unknown] = [await guess("u-wrong", "wrong password"), await guess("u-nobody", "wrong password")];
    expect([known.status, unknown.status]).toEqual([401, 401]);
    expect(known.body).toEqual(unknown.body);
  });

  test("is held up after a few, be it by Basic or at the log-in, also with the right one, and told for how long", async () => {
    const login = (password: string) =>
      branch.api<{ nok: string }>("POST", "/api/session/", { json: { name: "u-operator", password } });
    const tries = [];
    for (const at of [1, 2, 3, 4, 5])
      tries.push(at % 2 ? await guess("u-operator", `wrong ${at}`) : await login(`wrong ${at}`));
    expect(tries.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
    const held = await login("another guess");
    expect([held.status, held.body.nok]).toEqual([
      401,
      expect.stringMatching(/Too many wrong passwords: try again in \d+ s/),
    ]);
    expect(Number(held.headers.get("retry-after"))).toBeGreaterThan(0);
    // Who has a session goes on, and others are not held up for it.
    expect((await branch.api("GET", "/", { headers: people.brings("operator", "session") })).status).toBe(200);
    expect((await branch.api("GET", "/", { headers: people.brings("viewer", "basic") })).status).toBe(200);
    const right = () => login(passwordOf("operator"));
    await until(async () => (await right()).status === 200, {
      what: "the log-in to be possible again",
      timeoutMs: 20_000,
    });
  }, 40_000);

  test("costs the branch no more than its turn: many at once are answered, and others are served", async () => {
    const many = Promise.all(Array.from({ length: 60 }, (_, at) => guess(`u-crowd-${at}`, "wrong password")));
    expect((await branch.api("GET", "/ping/")).status).toBe(200);
    const statuses = new Set((await many).map(({ status }) => status));
    expect([...statuses].filter((status) => status !== 401 && status !== 503)).toEqual([]);
  });

  test("finds no token by its beginning", async () => {
    const { authorization = "" } = people.brings("admin", "bearer");
    for (const near of [authorization.slice(0, -1), `${authorization}A`, authorization.toLowerCase()]) {
      expect((await branch.api("GET", "/", { headers: { authorization: near } })).status).toBe(401);
    }
  });
});

test("none of what was tried is in the log", async () => {
  const log = await branch.log();
  for (const secret of [...people.secrets, "wrong password", "another guess"]) expect(log).not.toContain(secret);
});

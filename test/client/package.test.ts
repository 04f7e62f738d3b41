import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { blocksOf } from "../docs/markdown.ts";
import { installPackage, RUNTIMES, type Project } from "./package.ts";

/* The package of the client in an empty project, and branches that are none. */

let project: Project;
beforeAll(async () => {
  project = await installPackage();
}, 60_000);
afterAll(() => project[Symbol.asyncDispose]());

const installed = () => join(project.folder, "node_modules/cyme");

describe("the package", () => {
  test("is all that is installed, and has its code, types, license and description", async () => {
    const modules = (await readdir(join(project.folder, "node_modules"))).filter((name) => !name.startsWith("."));
    expect(modules).toEqual(["cyme"]);
    const files = (await readdir(installed())).toSorted();
    expect(files).toEqual(["LICENSE", "README.md", "index.d.ts", "index.js", "package.json"]);
  });

  test("has the version of Cyme and depends on nothing", async () => {
    const manifest = JSON.parse(await readFile(join(installed(), "package.json"), "utf8"));
    expect(manifest).toMatchObject({ name: "cyme", version, type: "module", license: "BSD-3-Clause" });
    expect(Object.keys(manifest).filter((key) => /dependencies|scripts|private/i.test(key))).toEqual([]);
  });

  test("uses nothing that only Bun has", async () => {
    const code = await readFile(join(installed(), "index.js"), "utf8");
    expect(code.match(/\bBun\.|\bbun:\w+|import\.meta\.(?:dir|main)\b/g)).toBeNull();
    const modules = [...code.matchAll(/(?:from |import\()"([^"]+)"/g)].map(([, name]) => name);
    expect([...new Set(modules)].toSorted()).toEqual(["node:crypto", "node:http", "node:https"]);
  });

  // Node.js of Debian 12 is 18.
  test("uses nothing that Node.js has only since version 20", async () => {
    const code = await readFile(join(installed(), "index.js"), "utf8");
    const newer =
      /\.(?:toSorted|toReversed|toSpliced|findLast|toWellFormed|isWellFormed|canParse|withResolvers|fromAsync|groupBy)\(|AbortSignal\.any|\bcrypto\.randomUUID|\busing /g;
    expect(code.match(newer)).toBeNull();
  });
});

const TYPED = `
import { Client, isConflict, type App, type Instance, type Queue, type Scheduled, type Task } from "cyme";
export async function use(client: Client): Promise<void> {
  const ids: string[] = await client.branches;
  const app: App = await client.add("shop", { stopTimeout: 5, env: { A: "b" } });
  const queue: Queue = await app.queues.add("orders", { exchangeType: "topic" }, { signal: AbortSignal.abort() });
  const web: Instance = await app.instances.add(ids[0], { queues: [queue, "other"], isEnabled: true });
  const later: Scheduled = await app.instances.add("web", {}, { nowait: true });
  const task: Task = await app.tasks.send(queue, "http://m/", { method: "POST", data: "x" });
  const { result, error } = await task.wait({ timeoutS: 5 });
  const bounds: { max: number; min: number } = await web.autoscale({ max: 3 });
  const caught: unknown = [result, error?.type, bounds, later.ok];
  if (isConflict(caught)) caught.code satisfies "conflict";

  // @ts-expect-error There is no such setting.
  await client.add("shop", { stop_timeout: 5 });
  // @ts-expect-error What is only scheduled is not there yet.
  (await client.add("shop", {}, { nowait: true })).broker;
  // @ts-expect-error HTTP has no such verb.
  await app.tasks.send("t2", "http://m/", { method: "BREW" });
  // @ts-expect-error What was answered is not changed.
  app.info.broker = "x";
  // @ts-expect-error Instances come from the branch.
  new Instance();
}
`;

test("its types are whole, and refuse what is wrong: a program needs no others but those of the web", async () => {
  expect(await project.check("typed", TYPED)).toBe("");
}, 30_000);

test("the program of its README.md is one for the type checker", async () => {
  const readme = await readFile(join(installed(), "README.md"), "utf8");
  const [program] = blocksOf(readme).filter(({ language }) => language === "ts");
  expect(
    await project.check("readme", `declare const process: { env: Record<string, string> };\n${program?.text}`),
  ).toBe("");
}, 30_000);

/** What a program sees of each call: what it gave, or what it was refused with. */
const seeing = (calls: Record<string, string>) => `
import { Client, CymeError } from "cyme";
const see = async (name, call) => {
  const told = (error) => error instanceof CymeError ? error.code + ": " + error.message : error.name;
  console.log(JSON.stringify([name, await call().catch(told)]));
};
${Object.entries(calls)
  .map(([name, call]) => `await see(${JSON.stringify(name)}, async () => ${call});`)
  .join("\n")}
`;

describe.each(RUNTIMES)("on %s", (_, runtime) => {
  const seen = async (name: string, calls: Record<string, string>) => {
    const { code, stdout, stderr } = await project.run(runtime, name, seeing(calls));
    expect([code, stderr]).toEqual([0, ""]);
    return Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line): [string, unknown] => JSON.parse(line)),
    );
  };

  test("a task has any verb, and its body byte for byte", async () => {
    const sent: unknown[] = [];
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        const { method, url, headers } = request;
        sent.push([method, new URL(url).pathname, [...new Uint8Array(await request.arrayBuffer())]]);
        const uuid = headers.get("X-Cyme-Task") ?? "";
        const body = ["HEAD", "TRACE"].includes(method) ? null : JSON.stringify({ uuid });
        return new Response(body, { status: 202, headers: { "X-Cyme-Task": uuid } });
      },
    });
    const send = (verb: string, data = "") =>
      `(await new Client("${server.url}").app("shop").tasks.send("t2", "http://m/a%2Fb", { method: "${verb}", uuid: "${UUID}"${data} })).uuid`;
    const [bodiless, others] = [
      ["GET", "HEAD", "TRACE"],
      ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH"],
    ];
    const calls = [
      ...bodiless.map((verb) => [verb, send(verb)] as const),
      ...others.map((verb) => [verb, send(verb, ", data: new Uint8Array([0, 255, 10])")] as const),
    ];
    const uuids = await seen("verbs", Object.fromEntries(calls));
    expect([...new Set(Object.values(uuids))]).toEqual([UUID]);
    const path = `/shop/queue/t2/${encodeURIComponent("http://m/a%2Fb")}`;
    expect(sent).toEqual([
      ...bodiless.map((verb) => [verb, path, []]),
      ...others.map((verb) => [verb, path, [0, 255, 10]]),
    ]);
  });

  test("what answers is told from what does not, and large answers come whole", async () => {
    await using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ url }) => new Response(url.endsWith("/large/") ? "x".repeat(10_000_000) : "<html>Welcome</html>"),
    });
    using broken = Bun.listen({
      port: 0,
      hostname: "127.0.0.1",
      socket: {
        data(socket, bytes) {
          const isCut = bytes.toString().startsWith("POST /cut/");
          socket.end(isCut ? "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1,2" : "SSH-2.0-OpenSSH_9.2p1\r\n");
        },
      },
    });
    const [good, bad] = [`new Client("${server.url}")`, `new Client("http://127.0.0.1:${broken.port}")`];
    expect(
      await seen("troubles", {
        refused: 'new Client("http://127.0.0.1:1").all()',
        foreign: `${good}.all()`,
        large: `(await ${good}.request("GET", "/large/")).length`,
        cut: `${bad}.request("POST", "/cut/")`,
        "no HTTP": `${bad}.all()`,
        "no TLS": `new Client("https://127.0.0.1:${server.port}").request("POST", "/")`,
      }),
    ).toEqual({
      refused: expect.stringMatching(/^unavailable: .*: connection refused; is the branch running\?/),
      foreign: expect.stringMatching(/^internal: The answer is not one of a branch \(status 200, "<html>Welcome/),
      large: 10_000_000,
      cut: expect.stringMatching(/^unavailable: .* was cut off$/),
      "no HTTP": expect.stringMatching(/^unavailable: .*does not speak HTTP$/),
      "no TLS": expect.stringMatching(/^unavailable: /),
    });
  });

  test("a call that was ended says so, and keeps no program running", async () => {
    await using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Promise<Response>(() => {}) });
    // A timer that is left would keep it running for a day.
    const client = `new Client("${server.url}", { timeoutS: 86_400 })`;
    expect(
      await seen("ended", {
        before: `${client}.all({ signal: AbortSignal.abort() })`,
        while: `{ const end = new AbortController(); const asked = ${client}.all({ signal: end.signal }); setTimeout(() => end.abort(), 50); return asked; }`,
        late: `${client}.all({ signal: AbortSignal.timeout(50) })`,
        // Of more than ten that listen to one signal Node.js warns.
        many: `{ const end = new AbortController(); const client = ${client}; const calls = Array.from({ length: 20 }, () => client.all({ signal: end.signal })); setTimeout(() => end.abort(), 50); return (await Promise.allSettled(calls)).filter(({ status }) => status === "rejected").length; }`,
      }),
    ).toEqual({ before: "AbortError", while: "AbortError", late: "TimeoutError", many: 20 });
  });
});

const UUID = "1f0c1a52-6a4e-4c2c-9d8e-0d6a4f1f7a10";

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type SecureVersion } from "node:tls";
import { readTls } from "../../src/branch/tls.ts";
import { readTlsFiles } from "../../src/cli/tls-files.ts";
import { CymeError } from "../../src/domain/errors.ts";
import { raw } from "../api/raw.ts";
import { BINARY, run, type Ran } from "../harness/branch.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { until } from "../harness/wait.ts";
import { makeAuthority, type Authority, type Certificate } from "./certificates.ts";

/* A branch behind TLS, and one that wants to see a certificate of whoever comes. */

let home: string;
let vhost: Vhost;
let authority: Authority;
let stranger: Authority;
let server: Certificate;
let client: Certificate;
let foreign: Certificate;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cyme-tls-"));
  vhost = await freshVhost();
  [authority, stranger] = await Promise.all([makeAuthority(home, "ours"), makeAuthority(home, "theirs")]);
  [server, client, foreign] = await Promise.all([
    authority.sign("server"),
    authority.sign("client"),
    stranger.sign("client"),
  ]);
}, 60_000);

afterAll(async () => {
  await vhost.drop();
  await rm(home, { recursive: true, force: true });
}, 60_000);

interface Served extends AsyncDisposable {
  readonly port: number;
  readonly dir: string;
  /** The command line as a client, with these options. */
  cli(...args: string[]): Promise<Ran>;
}

/** A branch of that name with a user `root`. */
async function serve(name: string, ...options: string[]): Promise<Served> {
  const [dir, log] = [join(home, name), join(home, `${name}.log`)];
  const env = { ...process.env, CYME_BROKER: vhost.url, XDG_CONFIG_HOME: join(home, "config") };
  const tls = ["--tls-cert", server.cert, "--tls-key", server.key, ...options];
  const child = Bun.spawn([BINARY, "branch", "127.0.0.1:0", "-i", name, "-D", dir, "-f", log, ...tls], {
    env,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  const listening = () => /url=https:\/\/127\.0\.0\.1:(\d+)/.exec(readFileSync(log, "utf8"))?.[1];
  const port = Number(await until(listening, { what: "the branch to listen", timeoutMs: 20_000 }));
  const url = `https://127.0.0.1:${port}`;
  return {
    port,
    dir,
    cli: (...args) => run([BINARY, "-u", url, ...args], env),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

interface Shown {
  readonly ca?: string;
  readonly shows?: Certificate;
  readonly headers?: Record<string, string>;
  readonly method?: string;
  readonly body?: string;
}

/** One request over TLS. Rejects where the connection is refused. */
function ask(port: number, path: string, { ca = authority.ca, shows, ...init }: Shown = {}): Promise<Response> {
  const pem = (file: string) => readFileSync(file, "utf8");
  const own = shows && { cert: pem(shows.cert), key: pem(shows.key) };
  // A connection of its own, or it would be one that was let in before.
  const headers = { connection: "close", ...init.headers };
  return fetch(`https://127.0.0.1:${port}${path}`, {
    ...init,
    headers,
    keepalive: false,
    tls: { ca: pem(ca), ...own },
  });
}

const isRefused = (asked: Promise<Response>) =>
  asked.then(
    ({ status }) => status,
    () => "refused",
  );

describe("a branch with a certificate", () => {
  let branch: Served;
  beforeAll(async () => {
    branch = await serve("plain");
  }, 30_000);
  afterAll(() => branch[Symbol.asyncDispose]());

  test("is reached by who trusts the authority of it, and by nobody without TLS", async () => {
    expect(await (await ask(branch.port, "/ping/")).json()).toEqual({ ok: "pong" });
    expect(await isRefused(ask(branch.port, "/ping/", { ca: stranger.ca }))).toBe("refused");
    const plain = raw(`http://127.0.0.1:${branch.port}`, { method: "GET", path: "/ping/" });
    expect(
      await plain.then(
        ({ status }) => status,
        () => "no answer",
      ),
    ).toBe("no answer");
  });

  test("speaks TLS 1.2 and 1.3 alone", async () => {
    const versions: [SecureVersion, string][] = [
      ["TLSv1", "refused"],
      ["TLSv1.1", "refused"],
      ["TLSv1.2", "TLSv1.2"],
      ["TLSv1.3", "TLSv1.3"],
    ];
    for (const [version, seen] of versions)
      expect([version, await spoken(branch.port, version)]).toEqual([version, seen]);
  });

  test("refuses the page of its own name without TLS", async () => {
    const origin = { headers: { origin: `http://127.0.0.1:${branch.port}` } };
    expect((await ask(branch.port, "/ping/", origin)).status).toBe(403);
    const own = { headers: { origin: `https://127.0.0.1:${branch.port}` } };
    expect((await ask(branch.port, "/ping/", own)).status).toBe(200);
  });

  test("is reached by the command line with --ca", async () => {
    const { code, stdout } = await branch.cli("-F", "json", "branches", "--ca", authority.ca);
    expect([code, stdout]).toEqual([0, '["plain"]\n']);
    const unknown = await branch.cli("branches");
    expect([unknown.code, unknown.stderr]).toEqual([4, expect.stringContaining("give its authority with --ca")]);
    const wrong = await branch.cli("branches", "--ca", stranger.ca);
    expect([wrong.code, wrong.stderr]).toEqual([4, expect.stringContaining("not of the authority of --ca")]);
    const plain = await branch.cli("branches", "-u", `http://127.0.0.1:${branch.port}`);
    expect([plain.code, plain.stderr]).toEqual([4, expect.stringContaining("does it serve https?")]);
  });

  // The last, since nobody is let in without a login from here on.
  test("has its cookie sent by TLS alone, and tells browsers to come by TLS", async () => {
    const password = "a-long-password";
    const init = { method: "POST", headers: { "content-type": "application/json" } };
    const user = await ask(branch.port, "/api/users/root/", {
      ...init,
      body: JSON.stringify({ password, role: "admin" }),
    });
    expect(user.status).toBe(201);
    const login = { ...init, body: JSON.stringify({ name: "root", password }) };
    const { status, headers } = await ask(branch.port, "/api/session/", login);
    expect(status).toBe(200);
    expect(headers.get("set-cookie")?.split("; ")).toContain("Secure");
    expect(headers.get("strict-transport-security")).toMatch(/^max-age=[0-9]{8,}/);
    expect((await ask(branch.port, "/")).status).toBe(401);
  });
});

describe("a branch with --tls-ca", () => {
  let branch: Served;
  beforeAll(async () => {
    branch = await serve("mutual", "--tls-ca", authority.ca);
  }, 30_000);
  afterAll(() => branch[Symbol.asyncDispose]());

  test("lets in who shows a certificate of that authority, and nobody else", async () => {
    expect((await ask(branch.port, "/ping/", { shows: client })).status).toBe(200);
    expect(await isRefused(ask(branch.port, "/ping/"))).toBe("refused");
    expect(await isRefused(ask(branch.port, "/ping/", { shows: foreign }))).toBe("refused");
  });

  test("is well, though it has no certificate to show itself", async () => {
    const health = await ask(branch.port, "/health/", { shows: client });
    expect(await health.json()).toMatchObject({ state: "ok", http: { state: "ok" } });
  });

  test("is reached by the command line with --cert and --key", async () => {
    const trust = ["--ca", authority.ca];
    const shown = await branch.cli("-F", "json", "branches", ...trust, "--cert", client.cert, "--key", client.key);
    expect([shown.code, shown.stdout]).toEqual([0, '["mutual"]\n']);
    const wrong = await branch.cli("branches", ...trust, "--cert", foreign.cert, "--key", foreign.key);
    expect([wrong.code, wrong.stderr]).toEqual([4, expect.stringContaining("accept the certificate of --cert?")]);
    const none = await branch.cli("branches", ...trust);
    expect([none.code, none.stderr]).toEqual([4, expect.stringContaining("a client certificate: --cert and --key")]);
  });
});

describe("files that cannot be used are refused in words:", () => {
  const refused = async (work: () => unknown): Promise<string> => {
    try {
      await work();
    } catch (error) {
      if (error instanceof CymeError && error.code === "invalid") return error.message;
      throw error;
    }
    return "not refused";
  };
  const ofClient = (paths: Parameters<typeof readTlsFiles>[0]) => refused(() => readTlsFiles(paths));
  const ofBranch = (tlsCert: string, tlsKey: string, tlsCa?: string) =>
    refused(() => readTls({ tlsCert, tlsKey, tlsCa }));

  test("by the command line", async () => {
    const { cert, key } = await authority.sign("pair");
    expect(await ofClient({ ca: authority.ca, cert, key })).toBe("not refused");
    expect(await ofClient({ cert })).toContain("both --cert and --key, or neither");
    expect(await ofClient({ key })).toContain("both --cert and --key, or neither");
    expect(await ofClient({ ca: key })).toContain("Cannot use --ca: wanted a file with a certificate (PEM)");
    expect(await ofClient({ cert: key, key: cert })).toContain("Cannot use --cert: wanted a file with a certificate");
    expect(await ofClient({ cert, key: cert })).toContain("Cannot use --key: wanted a file with a private key");
    expect(await ofClient({ cert, key: foreign.key })).toContain("is not that of the certificate");
    expect(await ofClient({ ca: join(home, "none") })).toContain("Cannot read --ca");
  });

  test("by a branch", async () => {
    expect(await ofBranch(server.cert, server.key, authority.ca)).toBe("not refused");
    expect(await ofBranch(server.cert, foreign.key)).toContain("Cannot use --tls-cert with --tls-key: the key in");
    expect(await ofBranch(server.cert, server.key, server.key)).toContain("Cannot use --tls-ca");
    expect(await ofBranch(join(home, "none"), server.key)).toContain("Cannot read --tls-cert");
  });

  test("before a branch begins anything", async () => {
    const dir = join(home, "unfit");
    const tls = ["--tls-cert", server.cert, "--tls-key", foreign.key];
    const env = { ...process.env, CYME_BROKER: vhost.url };
    const { code, stderr } = await run([BINARY, "branch", "127.0.0.1:0", "-D", dir, ...tls], env);
    expect([code, stderr]).toEqual([2, expect.stringContaining("is not that of the certificate")]);
    expect(existsSync(dir)).toBe(false);
  });
});

test("no key and no certificate is in the log of a branch", async () => {
  for (const name of ["plain", "mutual"])
    expect(await readFile(join(home, `${name}.log`), "utf8")).not.toContain("-----BEGIN");
});

/** The version of TLS that is agreed on with who speaks this one alone. */
function spoken(port: number, version: SecureVersion): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const options = { port, host: "127.0.0.1", rejectUnauthorized: false, minVersion: version, maxVersion: version };
  const socket = connect(options, () => {
    resolve(socket.getProtocol() ?? "none");
    socket.destroy();
  });
  socket.on("error", () => resolve("refused"));
  return promise;
}

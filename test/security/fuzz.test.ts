import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run, startBranch, type Branch } from "../harness/branch.ts";
import { raw } from "../api/raw.ts";
import { difference } from "../harness/described.ts";
import { freshVhost, type Vhost } from "../harness/rabbit.ts";
import { RandomRequests, type Description, type Parameter } from "./random-requests.ts";

/*
 * A real branch is asked whatever /openapi.json lets one think of: no answer is a 500, and each is as described. By requests of our own,
 * and by schemathesis where scripts/setup.sh could fetch it. CYME_TEST_FUZZ_SECONDS gives it more than its 40 s, and us more requests;
 * CYME_TEST_FUZZ_SEED is another seed.
 */

const SCHEMATHESIS = resolve(import.meta.dir, "../../.cache/schemathesis/bin/schemathesis");
const SECONDS = Number(process.env["CYME_TEST_FUZZ_SECONDS"] ?? 40);
/** Of our own. */
const REQUESTS = SECONDS * 40;
const SEED = process.env["CYME_TEST_FUZZ_SEED"] ?? "1";

/** They end the branch, or what is shown to it; or answer for as long as somebody listens or waits. */
const LEFT_OUT = [
  "deleteBranchesBranch",
  "deleteBranchesBranchNowait",
  "deleteApiTokensToken",
  "getAppQueryUuidWait",
  "getApiEvents",
];
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "ignored_auth",
];
/** A GET with `!/` is asked for too, where only changes are described; a worker may fail, and a broker be away. */
const SETTINGS = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "4xx", 501, 502, 503]\n';
/** Of those that are there, so that it comes further than to 404. */
const KNOWN: Readonly<Record<string, string>> = { app: "shop", name: "web", queue: "t2" };

let home: string;
let vhost: Vhost;
let branch: Branch;
let authorization: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "cyme-fuzz-"));
  vhost = await freshVhost();
  // Hundreds of instances are added: none of them gets a Celery.
  const stub = join(home, "stub.sh");
  await writeFile(stub, "#!/bin/sh\nexit 1\n");
  await chmod(stub, 0o755);
  branch = await startBranch({ broker: vhost.url, args: ["--command", stub] });
  for (const path of ["/shop/", "/shop/queues/t2/", "/shop/instances/web/?is_enabled=0"]) {
    expect([path, (await branch.api("PUT", path)).status]).toEqual([path, 201]);
  }
  const json = { role: "admin" };
  const { body } = await branch.api<{ token: string }>("POST", "/api/tokens/fuzzer/", { json });
  authorization = `Bearer ${body.token}`;
}, 60_000);

afterAll(async () => {
  await branch[Symbol.asyncDispose]();
  await vhost.drop();
  await rm(home, { recursive: true, force: true });
}, 60_000);

/** Also with the names that are there; and never with a log that is followed, or an answer that takes its time. */
function narrowed({ name, ...rest }: Parameter): Parameter[] {
  if (name === "follow") return [];
  if (name === "timeout") return [{ name, ...rest, schema: { type: "number", minimum: 0, maximum: 0.5 } }];
  const known = rest.in === "path" ? KNOWN[name] : undefined;
  return [{ name, ...rest, ...(known !== undefined && { schema: { anyOf: [{ const: known }, rest.schema ?? {}] } }) }];
}

async function describedFor(): Promise<Description> {
  const { body } = await branch.api<Description>("GET", "/openapi.json", { headers: { authorization } });
  for (const operation of Object.values(body.paths).flatMap((item) => Object.values(item))) {
    operation.parameters = operation.parameters.flatMap(narrowed);
  }
  return body;
}

test(
  "whatever is asked is answered as described, and never by a 500",
  async () => {
    const requests = new RandomRequests(await describedFor(), LEFT_OUT, Number(SEED));
    const seen = new Map<number, number>();
    for (let at = 0; at < REQUESTS; at++) {
      const request = requests.next({ Authorization: authorization });
      const { status, headers, text } = await raw(branch.url, request);
      const { method, path } = request;
      const wrong = difference({ method, path, status, contentType: headers.get("content-type"), text });
      if (wrong !== undefined || status === 500) {
        throw new Error(`Request ${at} of seed ${SEED}: ${wrong ?? text}\n${JSON.stringify(request)}`);
      }
      seen.set(status, (seen.get(status) ?? 0) + 1);
    }
    // Not all of it was refused.
    for (const status of [200, 201, 202, 400, 404]) expect([status, seen.get(status) ?? 0]).not.toEqual([status, 0]);
    expect(await branch.log()).not.toContain("request failed");
  },
  (SECONDS + 120) * 1000,
);

// Setup says so where pip cannot fetch it; the own fuzzer above always runs.
test.skipIf(!existsSync(SCHEMATHESIS))(
  "schemathesis finds nothing either",
  async () => {
    await writeFile(join(home, "api.json"), JSON.stringify(await describedFor()));
    await writeFile(join(home, "schemathesis.toml"), SETTINGS);
    const options = ["--phases", "coverage,fuzzing", "--max-time", String(SECONDS), "--seed", SEED];
    const leaving = LEFT_OUT.flatMap((id) => ["--exclude-operation-id", id]);
    const quiet = [
      "--no-color",
      "--suppress-health-check",
      "all",
      "--warnings",
      "off",
      "--continue-on-failure",
      "--request-timeout",
      "30",
    ];
    const argv = [
      "--config-file",
      "schemathesis.toml",
      "run",
      "api.json",
      "-u",
      branch.url,
      "--checks",
      CHECKS.join(","),
    ];
    const { code, stdout, stderr } = await run(
      [SCHEMATHESIS, ...argv, ...options, ...leaving, ...quiet],
      { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
      home,
    );
    const told = stdout
      .split("\n")
      .map((line) => line.slice(0, 1000))
      .join("\n");
    if (code !== 0) throw new Error(`schemathesis found something:\n${told}\n${stderr}`);
    expect(stdout).toMatch(/[0-9]{3,} generated/);
    expect((await branch.api("GET", "/health/", { headers: { authorization } })).status).toBe(200);
    expect(await branch.log()).not.toContain("request failed");
  },
  (SECONDS + 60) * 1000,
);

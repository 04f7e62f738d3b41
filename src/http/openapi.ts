import { OUTCOMES, type ErrorCode } from "../domain/errors.ts";
import { VERBS } from "../domain/task.ts";
import { OBJECTS } from "./answer-schemas.ts";
import { ANSWERS, isText, type Answers, type Text } from "./answers.ts";
import { bodyOf, pathParams, queryParams, TASK_ID_PARAM } from "./openapi-params.ts";
import { nowaitPattern } from "./nowait-pattern.ts";
import { reference, type Schema } from "./schema.ts";
import type { Method, Route } from "./routes.ts";
import { sessionCookie } from "./who.ts";

type Described = Pick<Route, "methods" | "pattern" | "params" | "about" | "role">;

const NOTE = [
  "A trailing slash is optional. PUT may be replaced by POST, but on an existing instance. HEAD answers as GET without a body, OPTIONS with Allow.",
  "Parameters of POST, PUT and DELETE may stand in the query or in the body; where both have one, the query wins. An unknown one is 400.",
  "With !/ in the path a change is answered as soon as it is stored: 202. `/{app}/instance/…` is `/{app}/instances/…`, and `/instances/{name}/…` an instance whose app is not named.",
].join("\n\n");

/** The description of the API in OpenAPI 3.1: of all routes of the table, and of the sends of URL tasks, which no row can hold. */
export function describeApi(routes: readonly Described[], version: string, branchId: string): object {
  const paths: Record<string, Record<string, object>> = {};
  const add = (path: string, method: string, operation: object) => {
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
  };
  for (const route of routes) {
    const answers = answersOf(route);
    for (const method of route.methods) {
      add(pathOf(route.pattern), method, operationOf(route, method, answers, false));
      const isWaitedFor = method !== "GET" && !NEVER_WAITED_FOR.includes(route.pattern);
      const nowait = isWaitedFor ? nowaitPattern(route.pattern) : undefined;
      if (nowait !== undefined)
        add(pathOf(nowait), method, operationOf(route, method, { 202: scheduled(answers) }, true));
    }
  }
  for (const pattern of SEND_PATTERNS) {
    for (const verb of DESCRIBED_VERBS) add(pathOf(pattern), verb, sendOf(pattern, verb));
  }
  return {
    openapi: "3.1.0",
    info: { title: "Cyme", version, description: NOTE },
    servers: [{ url: "/" }],
    paths,
    components: { schemas: OBJECTS, responses: ERRORS, headers: HEADERS, securitySchemes: securitySchemes(branchId) },
  };
}

/** Here `!` makes no difference. */
const NEVER_WAITED_FOR = ["/branches/:branch"];

/** The answers of a row where all went well. */
const answersOf = ({ methods, pattern }: Pick<Described, "methods" | "pattern">): Answers =>
  ANSWERS[`${methods[0] ?? "GET"} ${pattern}`] ?? {};

/** `/:app/instances/:name` as `/{app}/instances/{name}/`. */
function pathOf(pattern: string): string {
  const path = pattern.replaceAll(/:([a-z]+)/g, "{$1}");
  return /\/$|\.json$|\{url\}$/.test(path) ? path : `${path}/`;
}

const SCHEDULED = reference("Ok");

/** The answer to a change that nobody waits for; a task is answered all the same. */
const scheduled = (answers: Answers): Schema | Text => answers[202] ?? SCHEDULED;

function operationOf(route: Described, method: Method, answers: Answers, isNowait: boolean): object {
  const { pattern, params, about, role } = route;
  const body = method === "GET" ? undefined : bodyOf(pattern, params);
  return {
    operationId: operationId(method, pattern, isNowait),
    summary: isNowait ? `${about}, without waiting` : about,
    tags: [tagOf(pattern)],
    ...access(role),
    parameters: [
      ...pathParams(pattern),
      ...queryParams(pattern, params),
      ...(pattern.endsWith("/:task") ? [TASK_ID_PARAM] : []),
    ],
    ...(body && { requestBody: body }),
    responses: responsesOf(answers, errorsOf(route, method)),
  };
}

const SEND_PATTERNS = ["/:app/queue/:queue/:url", "/:app/queue/!/:queue/:url", "/:app/queue/:url"];
/** OpenAPI has no CONNECT. */
const DESCRIBED_VERBS = VERBS.filter((verb) => verb !== "CONNECT");
const WITH_BODY = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
const SEND_ERRORS: readonly ErrorCode[] = ["too-large", "not-found", "conflict", "timeout", "unavailable"];

function sendOf(pattern: string, verb: string): object {
  const isNowait = pattern.includes("!");
  return {
    operationId: operationId(verb, pattern, isNowait),
    summary: `Queue a ${verb} request that a worker performs${isNowait ? ", without waiting for the broker" : ""}`,
    tags: ["queue"],
    ...access("operator"),
    parameters: [...pathParams(pattern), TASK_ID_PARAM],
    ...(WITH_BODY.includes(verb) && { requestBody: { content: { "*/*": {} } } }),
    responses: responsesOf({ 202: reference("SentUrl") }, [...ALWAYS, ...SIGNED_IN, ...SEND_ERRORS]),
  };
}

const operationId = (method: string, pattern: string, isNowait: boolean) =>
  [method.toLowerCase(), ...pattern.split(/[^A-Za-z]+/).filter((word) => word !== ""), ...(isNowait ? ["nowait"] : [])]
    .map((word, at) => (at === 0 ? word : `${word[0]?.toUpperCase() ?? ""}${word.slice(1)}`))
    .join("");

/** What a route is about: instances, queues, users; of an app itself `apps`. */
function tagOf(pattern: string): string {
  const words = pattern.split("/").filter((word) => word !== "" && !word.startsWith(":") && word !== "api");
  return words[0] ?? "apps";
}

/** Who may, and by which credentials that is shown. */
function access(role: Described["role"]): object {
  if (role === "open") return { "x-role": role, security: [] };
  return { "x-role": role, security: SCHEMES.map((scheme) => ({ [scheme]: [role] })) };
}

const SCHEMES = ["bearer", "basic", "session"] as const;

const securitySchemes = (branchId: string): Record<(typeof SCHEMES)[number], object> => ({
  bearer: { type: "http", scheme: "bearer", description: "A token, as `cyme tokens.add` shows it" },
  basic: { type: "http", scheme: "basic", description: "Name and password of a user" },
  session: {
    type: "apiKey",
    in: "cookie",
    name: sessionCookie(branchId),
    description: "As POST /api/session/ sets it",
  },
});

const HEADERS = {
  "X-Cyme-Silent": {
    description: "Ids of branches that did not answer: what is answered may not be all",
    schema: { type: "string" },
  },
};

const ALWAYS: readonly ErrorCode[] = ["invalid", "forbidden", "internal"];
const SIGNED_IN: readonly ErrorCode[] = ["unauthorized"];
const OF_THINGS: readonly ErrorCode[] = ["not-found", "conflict"];
const OF_WAITING: readonly ErrorCode[] = ["timeout", "unavailable"];
const OF_CHANGES: readonly ErrorCode[] = ["too-large", "worker-failed"];

function errorsOf({ pattern, role }: Described, method: Method): readonly ErrorCode[] {
  return [
    ...ALWAYS,
    // Logging in is open to everybody, and refused to who brings the wrong thing.
    ...(role === "open" && pattern !== "/api/session" ? [] : SIGNED_IN),
    ...(pattern.includes(":") ? OF_THINGS : []),
    ...OF_WAITING,
    ...(method === "GET" ? [] : OF_CHANGES),
  ];
}

const ERRORS = Object.fromEntries(
  Object.keys(OUTCOMES).map((code) => [
    code,
    { description: `The error ${code}`, content: { "application/json": { schema: reference("Error") } } },
  ]),
);

/** Said by the server itself, before anybody has read the request. */
const TOO_LONG = { description: "Request line and headers are longer than 16 KB; the answer is empty" };

/** An error that has the status of an answer is one of two that may come. */
function responsesOf(answers: Answers, errors: readonly ErrorCode[]): object {
  const responses: Record<string, object> = { 431: TOO_LONG };
  for (const code of errors) responses[OUTCOMES[code].http] = { $ref: `#/components/responses/${code}` };
  for (const [status, answer] of Object.entries(answers) as [string, Schema | Text][]) {
    responses[status] = {
      description: Number(status) < 400 ? "Done" : "Not well",
      headers: { "X-Cyme-Silent": { $ref: "#/components/headers/X-Cyme-Silent" } },
      content: isText(answer)
        ? { [answer.contentType]: { schema: { type: "string" } } }
        : {
            "application/json": { schema: status in responses ? { anyOf: [answer, reference("Error")] } : answer },
          },
    };
  }
  return responses;
}

import { CymeError, invalid, OUTCOMES, type ErrorCode } from "../../domain/errors.ts";
import { appName, queueName } from "../../domain/names.ts";
import { parseTarget, taskId, type Verb } from "../../domain/task.ts";
import { parse } from "./answers.ts";
import { inQuery, type Api } from "./api.ts";
import { isSilence } from "./retry.ts";
import { inSeconds, type ClientRequest, type ClientResponse } from "../transport.ts";
import { newUuid } from "../uuid.ts";
import type {
  ResultAnswer,
  SentTaskAnswer,
  SentUrlAnswer,
  StateAnswer,
  TaskAnswer,
  TaskParameters,
  TaskRowAnswer,
} from "../types.ts";

/** The request that a worker is to perform. */
export interface UrlTaskOptions {
  /** Without it GET, and POST with a body. */
  readonly method?: Verb | undefined;
  /** Text is sent as UTF-8. GET, HEAD and TRACE have none. */
  readonly body?: string | Uint8Array | undefined;
  readonly contentType?: string | undefined;
  /** The task's id, by which a repeated send is one task; made without it. */
  readonly uuid?: string | undefined;
}

/** A task of the user's own app. */
export interface NamedTaskOptions extends TaskParameters {
  /** As of a URL task. */
  readonly uuid?: string | undefined;
}

/** Which tasks are listed. */
export interface TaskListOptions {
  readonly state?: string;
  /** 100 without it. */
  readonly limit?: number;
  /** The `touched_at` of the last one: gives those that follow. */
  readonly before?: string;
}

const BODILESS: readonly Verb[] = ["GET", "HEAD", "TRACE"];
/** Of a send: the id of its task, by which it can be repeated. */
export const TASK_HEADER = "X-Cyme-Task";

/**
 * The tasks of one app. Sends are repeated under the same uuid, until the deadline of the client, where the connection is lost
 * or the broker cannot take them: they stay one task.
 */
export class Tasks {
  readonly #api: Api;
  readonly #app: string;
  readonly #root: string;

  constructor(api: Api, app: string) {
    this.#api = api;
    this.#app = appName(app);
    this.#root = `/${this.#app}`;
  }

  /**
   * Has a worker perform a request; resolves once the broker has it. Without a queue it is `celery`, which needs no declaration.
   * The answers to HEAD and TRACE have no body, so of them only the uuid is known.
   */
  async send(queue: string | undefined, url: string, options: UrlTaskOptions = {}): Promise<SentUrlAnswer> {
    const { body, method = body === undefined ? "GET" : "POST", contentType } = options;
    if (body !== undefined && BODILESS.includes(method)) throw bodiless(method);
    const name = queue === undefined ? "" : `${queueName(queue)}/`;
    // As a whole, since a / or % on its own may be read in more than one way on its way.
    const path = `${this.#root}/queue/${this.#api.bang}${name}${encodeURIComponent(parseTarget(url))}`;
    const response = await this.#take({ method, path, ...content(body, contentType) }, options.uuid);
    if (response.text !== "") return parse(response);
    return { uuid: taskId(TASK_HEADER, response.headers.get(TASK_HEADER) ?? "") };
  }

  /** Has a worker perform a task of the app's own code, by its full name. */
  async call(queue: string, task: string, { uuid, ...parameters }: NamedTaskOptions = {}): Promise<SentTaskAnswer> {
    const path = `${this.#root}/task/${this.#api.bang}${queueName(queue)}/${encodeURIComponent(task)}/`;
    return parse(await this.#take({ method: "POST", path, json: parameters }, uuid));
  }

  /** Those of the app that were sent, on all branches, the one that was last heard of first. */
  async list(given: TaskListOptions = {}): Promise<TaskRowAnswer[]> {
    const query = Object.entries(given).map(([key, value]) => [key, String(value)]);
    return this.#api.read("/api/tasks/", { app: this.#app, ...Object.fromEntries(query) });
  }

  /** All that is known of a task; one that nobody knows is PENDING. */
  async query(uuid: string): Promise<TaskAnswer> {
    return this.#api.read(this.#query(uuid));
  }

  async state(uuid: string): Promise<StateAnswer> {
    return this.#api.read(`${this.#query(uuid)}state/`);
  }

  /** The result, null while there is none; of a failed task the error. */
  async result(uuid: string): Promise<ResultAnswer> {
    return this.#api.read(`${this.#query(uuid)}result/`);
  }

  /** The same once it is there; rejects with `timeout` at the deadline of the client. Outlives a branch that starts again. */
  async wait(uuid: string): Promise<ResultAnswer> {
    const path = `${this.#query(uuid)}wait/`;
    return parse(await this.#api.persist((leftMs) => ({ method: "GET", path, query: { timeout: inQuery(leftMs) } })));
  }

  #query(uuid: string): string {
    return `${this.#root}/query/${taskId("uuid", uuid)}/`;
  }

  async #take(request: Omit<ClientRequest, "timeoutMs">, given: string | undefined): Promise<ClientResponse> {
    const uuid = given === undefined ? await newUuid() : taskId("uuid", given);
    const headers = { ...request.headers, [TASK_HEADER]: uuid };
    try {
      // Without grace: the branch cannot be told of a deadline, since the query of the path is the target's, and takes its own time.
      const patience = { graceMs: 0, explain: wordless, isNew: given === undefined };
      return await this.#api.persist(() => ({ ...request, headers }), patience);
    } catch (error) {
      const told = isSilence(error) ? this.#unanswered(error) : error;
      // Whether it was taken cannot be known where the connection was lost: its state can be asked for, and it can be sent again.
      throw told instanceof CymeError && told.code !== "invalid" ? told.withFacts({ uuid }) : told;
    }
  }

  #unanswered({ code, facts }: CymeError): CymeError {
    const message = `No answer within ${inSeconds(this.#api.timeoutMs)}: nobody knows whether the task was sent, and the broker may be away (GET /health/ tells)`;
    return new CymeError(code, message, facts);
  }
}

function bodiless(method: Verb): CymeError {
  return invalid(`a body with ${method}`, "none, since such a request has no content: use POST, PUT, PATCH or DELETE");
}

function content(
  body: string | Uint8Array | undefined,
  contentType: string | undefined,
): Pick<ClientRequest, "body" | "headers"> {
  return {
    ...(body === undefined ? {} : { body: typeof body === "string" ? new TextEncoder().encode(body) : body }),
    ...(contentType === undefined ? {} : { headers: { "Content-Type": contentType } }),
  };
}

const TOO_LONG = 431;

/** The error of an answer without a body, as those to HEAD and TRACE are. */
function wordless({ status, text }: ClientResponse): CymeError | undefined {
  if (text !== "") return undefined;
  if (status === TOO_LONG)
    return invalid("url", "one that fits into a request: about 16,000 characters as it is encoded");
  const code = (Object.keys(OUTCOMES) as ErrorCode[]).find((one) => OUTCOMES[one].http === status);
  return code && new CymeError(code, `The branch did not take the task: ${code} (status ${status}, without a reason)`);
}

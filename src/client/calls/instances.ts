import { appName, branchId, instanceName } from "../../domain/names.ts";
import type { Api } from "./api.ts";
import type {
  BoundsAnswer,
  HistoryAnswer,
  InstanceAnswer,
  InstanceParameters,
  Ok,
  SamplesAnswer,
  Scheduled,
} from "../types.ts";

/** The instances of one app, or without an app any instance of the cluster by its name. */
export class Instances {
  readonly #api: Api;
  readonly #root: string;

  constructor(api: Api, app?: string) {
    this.#api = api;
    this.#root = app === undefined ? "/instances/" : `/${appName(app)}/instances/`;
  }

  /** The names on all branches, sorted. */
  list(): Promise<string[]> {
    return this.#api.read(this.#root);
  }

  /** All of them with their states. */
  details(): Promise<InstanceAnswer[]> {
    return this.#api.read(this.#root, { detail: "1" });
  }

  /** Adds an instance and starts its worker; without a name it gets a UUID. A name that is taken is `conflict`. */
  add(name: string | undefined, parameters: InstanceParameters = {}): Promise<InstanceAnswer | Scheduled> {
    const path = name === undefined ? `${this.#root}${this.#api.bang}` : this.#write(name);
    return this.#api.write("POST", path, { json: parameters });
  }

  /** Adds an instance under a name that nobody else has, such as a UUID: doing it twice is the same. */
  put(name: string, parameters: InstanceParameters = {}): Promise<InstanceAnswer | Scheduled> {
    return this.#api.write("PUT", this.#write(name), { json: parameters, isSame: true });
  }

  get(name: string): Promise<InstanceAnswer> {
    return this.#api.read(this.#read(name));
  }

  /** Changes the given parameters; an instance that does not exist is `not-found`. */
  async set(name: string, parameters: InstanceParameters): Promise<InstanceAnswer | Scheduled> {
    await this.get(name); // The route creates what is missing, which a misspelt name should not do.
    return this.put(name, parameters);
  }

  /** Resolves once the worker has exited and its folder and direct queue are gone. */
  delete(name: string): Promise<Ok> {
    return this.#api.remove(this.#write(name));
  }

  /** Resolves once the new worker runs; `rolling`: a stand-in consumes from before the old one stops until then. */
  restart(name: string, { rolling = false }: RestartOptions = {}): Promise<Ok> {
    return this.#api.write("POST", `${this.#write(name)}restart/`, rolling ? { query: { rolling: "1" } } : {});
  }

  enable(name: string): Promise<Ok> {
    return this.#api.write("POST", `${this.#write(name)}enable/`, { isSame: true });
  }

  disable(name: string): Promise<Ok> {
    return this.#api.write("POST", `${this.#write(name)}disable/`, { isSame: true });
  }

  /** Gives the instance to another branch, where its worker starts before it stops where it was. */
  move(name: string, branch: string): Promise<Ok> {
    return this.#api.write("POST", `${this.#write(name)}move/`, { query: { branch: branchId(branch) } });
  }

  /** What the worker answers to Celery's `stats`; `conflict` with its state while it does not run. */
  stats(name: string): Promise<Record<string, unknown>> {
    return this.#api.ask(`${this.#read(name)}stats/`);
  }

  /** The bounds of the number of processes; given ones are stored first and then told to the worker. */
  autoscale(
    name: string,
    bounds: { max?: number | string; min?: number | string } = {},
  ): Promise<BoundsAnswer | Scheduled> {
    if (bounds.max === undefined && bounds.min === undefined) return this.#api.read(`${this.#read(name)}autoscale/`);
    return this.#api.write("POST", `${this.#write(name)}autoscale/`, { json: bounds, isSame: true });
  }

  /** The last lines of the worker's log, as text. */
  log(name: string, lines?: number | string): Promise<string> {
    return this.#api.text(`${this.#read(name)}log/`, linesQuery(lines));
  }

  /** The last lines and then what is added to the worker's log, until `signal`; ends without an error. */
  follow(name: string, onText: (text: string) => void, options: FollowOptions = {}): Promise<void> {
    const query = { ...linesQuery(options.lines), follow: "1" };
    return this.#api.follow(`${this.#read(name)}log/`, query, onText, { signal: options.signal });
  }

  /** What the supervisor did to the instance, newest first. */
  history(name: string): Promise<HistoryAnswer[]> {
    return this.#api.read(`${this.#read(name)}history/`);
  }

  /** What its worker used in the last hour. */
  samples(name: string): Promise<SamplesAnswer> {
    return this.#api.read(`${this.#read(name)}samples/`);
  }

  #read(name: string): string {
    return `${this.#root}${instanceName(name)}/`;
  }

  #write(name: string): string {
    return `${this.#root}${this.#api.bang}${instanceName(name)}/`;
  }
}

interface RestartOptions {
  readonly rolling?: boolean;
}

interface FollowOptions {
  readonly lines?: number | string | undefined;
  readonly signal?: AbortSignal;
}

const linesQuery = (lines: number | string | undefined): Record<string, string> =>
  lines === undefined ? {} : { lines: String(lines) };

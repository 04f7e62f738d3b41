import { batch, computed, signal } from "@preact/signals";
import { errorOf, loginWanted, PAGE_HEADERS } from "../api/request.ts";
import { EMPTY, withEvents, type LiveEvent, type Model } from "./model.ts";
import { EventReader } from "./sse.ts";

/** How the connection to the branch is. */
export type Connection =
  | { readonly is: "connecting" }
  | { readonly is: "live" }
  /** `sinceMs` by this machine's clock; what is shown is as old. */
  | { readonly is: "lost"; readonly sinceMs: number; readonly why: string };

/** All that the branch tells of by itself. */
export const model = signal<Model>(EMPTY);
export const connection = signal<Connection>({ is: "connecting" });
/** Whether there is something to show: the first whole state has arrived. */
export const isLoaded = signal(false);

export const instances = computed(() => model.value.instances);
export const apps = computed(() => model.value.apps);
export const queues = computed(() => model.value.queues);
export const branches = computed(() => model.value.branches);
export const samples = computed(() => model.value.samples);
export const tasks = computed(() => model.value.tasks);

const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 5_000;
/** The branch says every 15 s that it is alive. */
const SILENCE_MS = 40_000;
/** A page that nobody looks at holds no connection: a browser has six to a server, for all its tabs. */
const HIDDEN_MS = 60_000;

let ending: AbortController | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;
let hiding: ReturnType<typeof setTimeout> | undefined;
let failures = 0;

/** Begins to listen, or begins anew at once: after a login, say. */
export function listen(): void {
  stop();
  ending = new AbortController();
  void follow(ending);
}

/** Ends listening and forgets what was heard: for who has logged out. */
export function forget(): void {
  stop();
  batch(() => {
    model.value = EMPTY;
    isLoaded.value = false;
    connection.value = { is: "connecting" };
  });
}

function stop(): void {
  clearTimeout(retry);
  ending?.abort();
  ending = undefined;
}

/** Lets the connection go while nobody looks, and takes it up when somebody does. */
export function followVisibility(): void {
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(stop, HIDDEN_MS);
    else if (isLoaded.value && (!ending || connection.value.is === "lost")) listen();
  });
  window.addEventListener("online", () => {
    if (isLoaded.value && connection.value.is === "lost") listen();
  });
}

async function follow(ended: AbortController): Promise<void> {
  const why = await hear(ended).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  if (ending !== ended) return;
  ended.abort();
  if (connection.value.is !== "lost") connection.value = { is: "lost", sinceMs: Date.now(), why };
  if (why === LOGIN) return;
  const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++);
  // Not all pages at once, after the branch was away.
  retry = setTimeout(listen, waitMs * (0.5 + Math.random() / 2));
}

const LOGIN = "log in again";

/** Resolves, with why, when the stream has ended. */
async function hear(ended: AbortController): Promise<string> {
  const headers = { ...PAGE_HEADERS, accept: "text/event-stream" };
  const response = await fetch("/api/events/", { headers, credentials: "same-origin", signal: ended.signal });
  if (response.status === 401) {
    loginWanted.value += 1;
    return LOGIN;
  }
  if (!response.ok || !response.body) throw errorOf(response.status, await response.json().catch(() => null));
  const intake = new Intake();
  const reader = new EventReader();
  const chunks = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const silence = setTimeout(() => ended.abort(new Error("the branch has gone silent")), SILENCE_MS);
    const { done, value } = await chunks.read().finally(() => clearTimeout(silence));
    if (done) return "the branch has ended the connection";
    intake.take(reader.read(value));
  }
}

/** Of a new connection: what it tells first replaces what was known, so that what has gone meanwhile goes. */
class Intake {
  #before: LiveEvent[] | undefined = [];
  #waiting: LiveEvent[] = [];

  take(events: readonly LiveEvent[]): void {
    for (const event of events) {
      if (event.name === "ready") this.#ready();
      else (this.#before ?? this.#waiting).push(event);
    }
    if (this.#waiting.length > 0) {
      model.value = withEvents(model.value, this.#waiting, Date.now());
      this.#waiting = [];
    }
  }

  #ready(): void {
    const { depths, samples: latest, tasks: sent } = model.value;
    const whole = withEvents({ ...EMPTY, depths, samples: latest, tasks: sent }, this.#before ?? [], Date.now());
    this.#before = undefined;
    failures = 0;
    batch(() => {
      model.value = whole;
      isLoaded.value = true;
      connection.value = { is: "live" };
    });
  }
}

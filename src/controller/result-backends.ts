import { nodeName } from "../domain/names.ts";
import type { App } from "../domain/app.ts";
import { AmqpAway } from "../kit/amqp.ts";
import { appBroker, type Parts } from "./context.ts";

const KNOWN_MS = 60_000;
const ASK_MS = 1000;
/** Asked at a time: all workers of an app have the same configuration, as a rule. */
const ASKED = 3;

/** Where the workers of apps send results of the app's own tasks, as far as they say so. */
export class ResultBackends {
  readonly #parts: Parts;
  readonly #known = new Map<string, { readonly asked: Promise<string | undefined>; readonly atMs: number }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Kind of the result backend of an app's workers (`rpc`, `redis`, `db+postgresql`…, `disabled` for none); undefined
   * where no worker answers. What they said counts for a minute.
   */
  of(app: App): Promise<string | undefined> {
    const nowMs = this.#parts.clock.now();
    const known = this.#known.get(app.name);
    if (known && nowMs - known.atMs < KNOWN_MS) return known.asked;
    const asked = this.#ask(app);
    this.#known.set(app.name, { asked, atMs: nowMs });
    // Somebody may start a worker in the next moment.
    void asked.then((kind) => kind === undefined && this.#known.delete(app.name));
    return asked;
  }

  async #ask(app: App): Promise<string | undefined> {
    const { store, brokers, branchId } = this.#parts;
    const instances = store.instances.ofApp(app.name).filter(({ isEnabled, broker }) => isEnabled && broker === null);
    const nodes = instances.slice(0, ASKED).map(({ name }) => nodeName(name, branchId));
    if (nodes.length === 0) return undefined;
    try {
      const { replies } = await brokers
        .use(appBroker(this.#parts, app))
        .control.ask("conf", { with_defaults: false }, nodes, ASK_MS);
      const [conf] = replies.values();
      return conf === undefined ? undefined : kindOf(conf);
    } catch (error) {
      if (error instanceof AmqpAway) return undefined;
      throw error;
    }
  }
}

/** Of a worker's answer to `conf` (celery/worker/control.py), which holds what differs from Celery's defaults. */
function kindOf(conf: unknown): string | undefined {
  if (typeof conf !== "object" || conf === null || "error" in conf) return undefined;
  const backend = "result_backend" in conf ? conf.result_backend : null;
  if (backend === null || backend === "") return "disabled";
  return typeof backend === "string" ? backend.split(":", 1)[0] : undefined;
}

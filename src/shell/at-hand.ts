import { createRequire } from "node:module";
import { join } from "node:path";
import { Client } from "../client/client.ts";
import { httpTransport } from "../client/http-transport.ts";
import type { Transport } from "../client/transport.ts";
import { CymeError } from "../domain/errors.ts";
import type { ShellSettings } from "./settings.ts";

const HELP = `\
client            the cluster: client.get("shop"), client.add("shop"), client.health()
apps              all apps
app("shop")       one of them: .instances .queues .tasks .delete()
instances         those of --app: instances.get("web"), instances.add("web")
instance("web")   any instance, asked for: (await instance("web")).stats(), .autoscale({ max: 4 }), .delete()
queues            those of --app: queues.add("orders"), queues.get("orders")
branches          those that are up
import, require   modules: import { readFile } from "node:fs/promises"; require("./apps.json")
help              this; .exit leaves
`;

/** The client that a shell has; `interrupted` gives what ends the calls that are made now. */
export function clientFor(settings: ShellSettings, interrupted: () => AbortSignal): Client {
  const { url, token, tls, timeoutS } = settings;
  const send = httpTransport(url, { token, tls });
  const transport: Transport = (request) =>
    send({ ...request, signal: AbortSignal.any([interrupted(), ...(request.signal ? [request.signal] : [])]) });
  return new Client(url, { transport, timeoutS });
}

/** What is at hand in a shell under a name of its own, as getters: each asks anew. */
export function atHand(client: Client, app: string | undefined): PropertyDescriptorMap {
  const ofApp = <T>(what: string, take: (name: string) => T) => {
    if (app !== undefined) return take(app);
    throw new CymeError("invalid", `Of which app? Say app("shop").${what}, or start the shell with -a`);
  };
  const getters = {
    apps: () => client.apps,
    branches: () => client.branches,
    instances: () => ofApp("instances", (name) => client.app(name).instances),
    queues: () => ofApp("queues", (name) => client.app(name).queues),
    help: () => new Words(HELP),
    // Files and packages of the folder that the shell is in now.
    require: () => createRequire(join(process.cwd(), "shell")),
  };
  const values = {
    client,
    app: (name: string) => client.app(name),
    instance: (name: string) => client.instance(name),
  };
  return {
    ...Object.fromEntries(
      // What is declared under the same name stands for it.
      Object.entries(getters).map(([name, get]) => [
        name,
        { get, set: replaced(name), configurable: true, enumerable: true },
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        { value, writable: true, configurable: true, enumerable: true },
      ]),
    ),
  };
}

const replaced = (name: string) => (value: unknown) =>
  void Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });

/** Printed as it is. */
class Words {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.#text.trimEnd();
  }
}

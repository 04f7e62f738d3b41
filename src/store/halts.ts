import type { Halt } from "../domain/rollout.ts";
import type { SettingTable } from "./settings.ts";

/** Of each app the last rolling restart that was halted, on whatever branch. */
export class HaltTable {
  readonly #settings: SettingTable;

  constructor(settings: SettingTable) {
    this.#settings = settings;
  }

  get(app: string): Halt | undefined {
    return this.#all().find((halt) => halt.app === app);
  }

  /** Keeps the later one of each app. */
  put(halt: Halt): void {
    const known = this.get(halt.app);
    if (!known || known.upTo < halt.upTo) this.#write([...this.#withoutApp(halt.app), halt]);
  }

  remove(app: string): void {
    if (this.get(app)) this.#write(this.#withoutApp(app));
  }

  clear(): void {
    this.#write([]);
  }

  #withoutApp(gone: string): Halt[] {
    return this.#all().filter(({ app }) => app !== gone);
  }

  #all(): Halt[] {
    return JSON.parse(this.#settings.get("halted") ?? "[]") as Halt[];
  }

  #write(halts: readonly Halt[]): void {
    this.#settings.set("halted", JSON.stringify(halts));
  }
}

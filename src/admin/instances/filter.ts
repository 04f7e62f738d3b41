import type { Instance, InstanceState } from "../api/types.ts";

/** Which instances a list shows. */
export interface Filter {
  /** Words, each of which has to be found somewhere. */
  readonly words: readonly string[];
  /** None means all. */
  readonly states: ReadonlySet<string>;
  readonly app: string;
  readonly branch: string;
}

/** The filter that an address says: `?q=&state=running,backoff&app=&branch=`. */
export function filterOf(query: URLSearchParams): Filter {
  return {
    words: (query.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean),
    states: new Set((query.get("state") ?? "").split(",").filter(Boolean)),
    app: query.get("app") ?? "",
    branch: query.get("branch") ?? "",
  };
}

/** What passes all but the states, for saying how many there are in each. */
export function withoutStates(instances: Iterable<Instance>, filter: Filter): Instance[] {
  return [...instances].filter(
    (instance) =>
      (filter.app === "" || instance.app === filter.app) &&
      (filter.branch === "" || instance.branch === filter.branch) &&
      hasWords(instance, filter.words),
  );
}

export const inStates = (instances: readonly Instance[], { states }: Filter) =>
  states.size === 0 ? instances : instances.filter(({ state }) => states.has(state));

function hasWords({ name, app, branch, queues, pool, why }: Instance, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = [name, app, branch, ...queues, pool, why ?? ""].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** `state` as the address says it, with one more or one less. */
export function toggledState({ states }: Filter, state: InstanceState): string {
  const next = new Set(states);
  if (!next.delete(state)) next.add(state);
  return [...next].join(",");
}

/** Names in an address; none of them has a comma. */
export const namesIn = (text: string | null): ReadonlySet<string> => new Set((text ?? "").split(",").filter(Boolean));

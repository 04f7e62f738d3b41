/** What the last word of a line can become, and that word. */
export type Completion = readonly [candidates: string[], word: string];

type Scope = Readonly<Record<string, unknown>>;

const NAME = "[A-Za-z_$][\\w$]*";
/** A path of names that may begin with an app, which asks nobody. */
const PATH = new RegExp(`(?:^|[^\\w$.)])((?:app\\("[\\w.-]+"\\)|${NAME})(?:\\.${NAME})*)?(\\.)?$`);
/** The name that something is asked for by: `app("sh`, `instances.get("w`. */
const ASKED = new RegExp(`((?:app\\("[\\w.-]+"\\)\\.)?(?:${NAME}\\.)*${NAME})\\("([\\w.-]*)$`);

/**
 * What `line` can go on with: `names` and their members, as they are in `scope`, and, behind an opened quote, the names of what there is in
 * the cluster.
 */
export async function completionOf(line: string, scope: Scope, names: readonly string[]): Promise<Completion> {
  const asked = ASKED.exec(line);
  if (asked) return named(asked[1] ?? "", asked[2] ?? "", scope);
  const [, path = "", dot] = PATH.exec(line) ?? [null, "", "."];
  if (path === "" && dot !== undefined) return [[], ""];
  const words = dot === undefined ? wordsOf(path).slice(0, -1) : wordsOf(path);
  const word = dot === undefined ? (wordsOf(path).at(-1) ?? "") : "";
  if (words.length === 0) return [matching(names, word), word];
  const members = membersOf(valueOf(words, scope));
  return [matching(members, word), word];
}

const matching = (names: readonly string[], word: string) =>
  [...new Set(names)].filter((name) => name.startsWith(word)).toSorted();

/** Of a path, its words; the call of an app is one. */
const wordsOf = (path: string) => path.match(new RegExp(`app\\("[\\w.-]+"\\)|${NAME}`, "g")) ?? [];

function valueOf([first = "", ...rest]: readonly string[], scope: Scope): unknown {
  try {
    const app = /^app\("(.+)"\)$/.exec(first)?.[1];
    const start = app === undefined ? scope[first] : (scope["app"] as (name: string) => unknown)(app);
    return rest.reduce((value, name) => (value as Record<string, unknown>)[name], start);
  } catch {
    // There is nothing of that name, or it cannot be asked for.
    return undefined;
  }
}

function membersOf(value: unknown): string[] {
  const names: string[] = [];
  const isObject = (typeof value === "object" && value !== null) || typeof value === "function";
  for (let of: unknown = isObject ? value : null; of && of !== Object.prototype && of !== Function.prototype;) {
    names.push(...Object.getOwnPropertyNames(of).filter((name) => !HIDDEN.has(name) && !name.startsWith("_")));
    of = Object.getPrototypeOf(of);
  }
  return names;
}

/** Of every class, or not for people. */
const HIDDEN = new Set(["constructor", "then", "toString", "kind", "label", "length", "prototype"]);

/** By what is called, the list that its argument is one of. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  app: ["apps"],
  "client.get": ["apps"],
  "client.app": ["apps"],
  "client.delete": ["apps"],
  "client.branchInfo": ["branches"],
};

async function named(call: string, word: string, scope: Scope): Promise<Completion> {
  const path = wordsOf(call);
  const isOfList = ["get", "delete"].includes(path.at(-1) ?? "");
  const list = LISTS[call] ?? (isOfList ? path.slice(0, -1) : undefined);
  const all = await itemsOf(list === undefined ? undefined : valueOf(list, scope));
  return [matching(all.map(nameOf), word), word];
}

async function itemsOf(list: unknown): Promise<unknown[]> {
  const { all } = (list ?? {}) as { all?: unknown };
  if (typeof all !== "function") return [];
  const items: unknown = await (list as { all(): Promise<unknown> }).all();
  return Array.isArray(items) ? items : [];
}

const nameOf = (item: unknown): string => {
  if (typeof item === "string") return item;
  const { name, id } = (item ?? {}) as { name?: unknown; id?: unknown };
  return String(name ?? id ?? "");
};

import { ShellWordsError, splitWords } from "../kit/shell-words.ts";
import { invalid } from "./errors.ts";

/** The words of an instance's `arguments`, sorted to where Celery wants them (celery/bin/celery.py, celery/bin/worker.py). */
export interface WorkerArguments {
  /** Options of `celery` itself, before the word `worker`. */
  readonly global: readonly string[];
  /** Options of `celery worker`. */
  readonly worker: readonly string[];
  /** Values of `-I`, which stand in none of the others: Celery takes only the last one, and Cyme has one too. */
  readonly include: readonly string[];
  /** Whether an app of the user's is named (`-A`). */
  readonly hasApp: boolean;
  /** Whether the worker sends scheduled tasks itself (`-B`): of two such workers each would send them. */
  readonly hasBeat: boolean;
}

type Option = {
  /** Whether a value follows, in the same word or the next. */
  value: boolean;
  place: "global" | "worker";
  /** The parameter of Cyme to use instead, where Cyme sets the option itself. */
  instead?: string;
};

const global = (value: boolean): Option => ({ value, place: "global" });
const worker = (value: boolean): Option => ({ value, place: "worker" });
const ours = (value: boolean, instead: string): Option => ({ value, place: "worker", instead });

const OUR_FILES = "nothing: worker.pid, worker.log and worker.statedb lie in the instance's folder";

const OPTIONS: Record<string, Option> = {
  "-A": global(true),
  "--app": global(true),
  "--result-backend": global(true),
  "--loader": global(true),
  "--config": global(true),
  "--workdir": global(true),
  "-C": global(false),
  "--no-color": global(false),
  "-q": global(false),
  "--quiet": global(false),
  "-b": ours(true, "broker"),
  "--broker": ours(true, "broker"),
  "-n": ours(true, "the instance's name"),
  "--hostname": ours(true, "the instance's name"),
  "-Q": ours(true, "queues"),
  "--queues": ours(true, "queues"),
  "-P": ours(true, "pool"),
  "--pool": ours(true, "pool"),
  "-c": ours(true, "max_concurrency and min_concurrency"),
  "--concurrency": ours(true, "max_concurrency and min_concurrency"),
  "--autoscale": ours(true, "max_concurrency and min_concurrency"),
  "-D": ours(false, "nothing: the branch detaches its workers"),
  "--detach": ours(false, "nothing: the branch detaches its workers"),
  "--pidfile": ours(true, OUR_FILES),
  "-f": ours(true, OUR_FILES),
  "--logfile": ours(true, OUR_FILES),
  "-S": ours(true, OUR_FILES),
  "--statedb": ours(true, OUR_FILES),
  "--uid": ours(true, "user"),
  "--gid": ours(true, "user, whose group is taken"),
  "-E": worker(false),
  "--task-events": worker(false),
  "--events": worker(false),
  "-B": worker(false),
  "--beat": worker(false),
  "--purge": worker(false),
  "--discard": worker(false),
  "--without-gossip": worker(false),
  "--without-mingle": worker(false),
  "--without-heartbeat": worker(false),
  "--disable-prefetch": worker(false),
  "-X": worker(true),
  "-I": worker(true),
  "--include": worker(true),
  "-l": worker(true),
  "-O": worker(true),
  "-s": worker(true),
};

/** Throws `invalid` where the text cannot be split, or names an option that Cyme sets itself. */
export function parseWorkerArguments(parameter: string, text: string): WorkerArguments {
  const words = parseWords(parameter, text);
  const sorted: { global: string[]; worker: string[] } = { global: [], worker: [] };
  const include: string[] = [];
  let hasApp = false;
  let hasBeat = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    if (word === "--") throw invalid(parameter, "extra_config for what comes after --", text);
    const { name, names, option, takesNext } = lookUp(word);
    if (option.instead) throw invalid(parameter, `no ${name}, which Cyme sets itself; use ${option.instead}`, word);
    if (name === "-A" || name === "--app") hasApp = true;
    if (names.includes("-B") || name === "--beat") hasBeat = true;
    const given = [word];
    if (takesNext) {
      const value = words[++i];
      if (value === undefined) throw invalid(parameter, `a value after ${name}`, text);
      given.push(value);
    }
    if (name === "-I" || name === "--include") {
      const { value, rest } = takeInclude(given);
      include.push(value);
      sorted.worker.push(...rest);
    } else sorted[option.place].push(...given);
  }
  return { ...sorted, include, hasApp, hasBeat };
}

/** The value of `-I a`, `-Ia`, `--include=a` or `--include a`, and the flags that stood before it in one word. */
function takeInclude([word = "", next]: readonly string[]): { value: string; rest: readonly string[] } {
  if (word.startsWith("--")) return { value: next ?? word.slice("--include=".length), rest: [] };
  const at = word.indexOf("I");
  return { value: next ?? word.slice(at + 1), rest: at > 1 ? [word.slice(0, at)] : [] };
}

interface LookedUp {
  /** Of the option that says where the word belongs: the last one in it. */
  readonly name: string;
  readonly names: readonly string[];
  readonly option: Option;
  readonly takesNext: boolean;
}

/**
 * What a word is to Celery. Words that are no option known here go to `celery worker` as they are: newer Celery has more
 * options, and a wrong one makes the worker say so.
 */
function lookUp(word: string): LookedUp {
  if (word.startsWith("--")) {
    const [name = word] = word.split("=", 1);
    const option = OPTIONS[name] ?? worker(false);
    return { name, names: [name], option, takesNext: option.value && !word.includes("=") };
  }
  if (!word.startsWith("-") || word === "-") return { name: word, names: [], option: worker(false), takesNext: false };
  // Click reads -Ec4 as -E -c 4: flags up to the first letter that takes a value, which is the rest of the word.
  const names: string[] = [];
  let last = { name: word.slice(0, 2), option: OPTIONS[word.slice(0, 2)] ?? worker(false), takesNext: false };
  for (let at = 1; at < word.length; at++) {
    const name = `-${word.charAt(at)}`;
    const option = OPTIONS[name];
    if (!option) break;
    names.push(name);
    last = { name, option, takesNext: option.value && at === word.length - 1 };
    if (option.value || option.instead) break;
  }
  return { ...last, names };
}

/** The words of a text, or `invalid`. */
export function parseWords(parameter: string, text: string): string[] {
  try {
    return splitWords(text);
  } catch (error) {
    if (error instanceof ShellWordsError)
      throw invalid(parameter, `words as in a shell, but it ${error.message}`, text);
    throw error;
  }
}

/** The `key=value` words of `extra_config`, or `invalid`. What follows the first = may be anything. */
export function parseExtraConfig(parameter: string, text: string): { key: string; value: string }[] {
  return parseWords(parameter, text).map((word) => {
    const equals = word.indexOf("=");
    const key = word.slice(0, Math.max(0, equals));
    if (!/^[A-Za-z_.][A-Za-z0-9_.]*$/.test(key)) throw invalid(parameter, "words of the form key=value", word);
    if (/^broker[._](read[._]|write[._])?url$/i.test(key)) throw invalid(parameter, `no ${key}; use broker`);
    return { key, value: word.slice(equals + 1) };
  });
}

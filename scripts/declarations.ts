/** Puts the type declarations of a module and of all that it is made of into one file, for a package with nothing around it. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** What stands in one declaration file of tsc. */
interface Module {
  /** The statements that declare a name, without the word `export`. */
  readonly declared: ReadonlyMap<string, string>;
  /** The files that names come from. */
  readonly imported: ReadonlyMap<string, string>;
  /** The names that it exports, its own and those that it passes on; of types with the word `type` before it. */
  readonly exported: readonly string[];
  /** The files of which it passes on everything. */
  readonly passedOn: readonly string[];
}

/** What `entry`, a declaration file, exports, with everything that this needs, and nothing else. */
export async function bundleDeclarations(entry: string): Promise<string> {
  const bundle = new Bundle();
  const exported = await bundle.addExports(entry);
  return `${bundle.text}\nexport { ${exported.join(", ")} };\n`;
}

class Bundle {
  readonly #modules = new Map<string, Promise<Module>>();
  /** By name, with the file that it is from. */
  readonly #taken = new Map<string, { readonly path: string; readonly text: string }>();

  get text(): string {
    return [...this.#taken.values()].map(({ text }) => text).join("\n");
  }

  /** Takes all that a file exports, and gives the names as they are to be exported. */
  async addExports(path: string): Promise<string[]> {
    const { exported, passedOn } = await this.#module(path);
    for (const name of exported) await this.#add(path, withoutType(name));
    const others: string[] = [];
    for (const other of passedOn) others.push(...(await this.addExports(other)).map(asType));
    return [...new Set([...exported, ...others])];
  }

  async #add(path: string, name: string): Promise<void> {
    const { declared, imported } = await this.#module(path);
    const from = imported.get(name);
    if (from !== undefined) return this.#add(from, name);
    const text = declared.get(name);
    if (text === undefined) return; // A word of the language, or of every program.
    const known = this.#taken.get(name);
    if (known?.path === path) return;
    if (known) throw new Error(`${known.path} and ${path} both declare ${name}: rename one of them`);
    this.#taken.set(name, { path, text });
    for (const word of wordsOf(text)) await this.#add(path, word);
  }

  #module(path: string): Promise<Module> {
    const known = this.#modules.get(path);
    if (known) return known;
    const reading = readFile(path, "utf8").then((source) => parse(path, source));
    this.#modules.set(path, reading);
    return reading;
  }
}

const DECLARES = /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|const|function) ([A-Za-z_$][\w$]*)/m;
const IS_TYPE = /^export (?:declare )?(?:type|interface)\b/m;
const LISTS = /^(?:import|export) (?:type )?\{([^}]*)\}(?: from "(\.[^"]*)")?/m;
// Only of types: what is called by its name is named.
const PASSES_ON = /^export type \* from "(\.[^"]*)"/m;

function parse(path: string, source: string): Module {
  const declared = new Map<string, string>();
  const imported = new Map<string, string>();
  const exported: string[] = [];
  const passedOn: string[] = [];
  const fileOf = (specifier: string) => resolve(dirname(path), specifier.replace(/\.ts$/, ".d.ts"));
  for (const statement of statementsOf(source)) {
    const isExport = /^export /m.test(statement);
    const [, list, from] = LISTS.exec(statement) ?? [];
    const [, other] = PASSES_ON.exec(statement) ?? [];
    const [, name] = DECLARES.exec(statement) ?? [];
    if (other !== undefined) passedOn.push(fileOf(other));
    else if (list !== undefined) {
      for (const each of namesIn(list)) {
        if (from !== undefined) imported.set(withoutType(each), fileOf(from));
        if (isExport) exported.push(IS_TYPE.test(statement) ? asType(each) : each);
      }
    } else if (name !== undefined) {
      declared.set(name, statement.replace(/^export /m, ""));
      if (isExport) exported.push(IS_TYPE.test(statement) ? asType(name) : name);
    }
  }
  return { declared, imported, exported, passedOn };
}

/** A statement begins at the left, with its comment, and what belongs to it is indented or closes it. */
function statementsOf(source: string): string[] {
  const statements: string[] = [];
  let isAfterComment = false;
  for (const line of source.split("\n")) {
    const begins = /^(?:\/\*\*|(?:import|export|declare|interface|type)\b)/.test(line) && !isAfterComment;
    if (begins) statements.push(line);
    else statements.push(`${statements.pop() ?? ""}\n${line}`);
    isAfterComment = /^(?:\/\*\*.*| )\*\/$/.test(line);
  }
  return statements.map((statement) => statement.trim());
}

function namesIn(list: string): string[] {
  const names = list.split(",").map((one) => one.trim());
  const renamed = names.find((name) => name.includes(" as "));
  if (renamed !== undefined) throw new Error(`Cannot put a renamed name into one file: ${renamed}`);
  return names.filter((name) => name !== "");
}

const withoutType = (name: string) => name.replace(/^type /, "");
const asType = (name: string) => `type ${withoutType(name)}`;

/** Names of types that may be meant: neither in comments and texts, nor names of fields. */
const wordsOf = (text: string) =>
  new Set(text.replaceAll(/\/\*[^]*?\*\/|"[^"]*"/g, "").match(/[A-Za-z_$][\w$]*(?![\w$]|\??:)/g));

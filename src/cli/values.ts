import { CymeError, invalid } from "../domain/errors.ts";
import { flag } from "../domain/fields.ts";
import type { Environment } from "./io.ts";
import type { Option } from "./option.ts";
import { nearest } from "./suggest.ts";

/** The values of the options of one command: from the command line, else from the variable, else the default. */
export class Values {
  readonly #given: ReadonlyMap<string, readonly string[]>;
  readonly #options: ReadonlyMap<string, Option>;
  readonly #env: Environment;

  /** `given`: option name → the values in the order of the command line; a flag has the value "1". */
  constructor(options: readonly Option[], given: ReadonlyMap<string, readonly string[]>, env: Environment) {
    this.#given = given;
    this.#env = env;
    this.#options = new Map(options.map((option) => [option.name, option]));
  }

  /** Where the value comes from; `undefined` when it is the default, or none. An empty value counts as not given. */
  source(name: string): "option" | "variable" | undefined {
    if (this.#fromOption(name)) return "option";
    return this.#fromVariable(name) ? "variable" : undefined;
  }

  /** The value; of several the last. Throws `invalid` where it is none of the option's choices. */
  text(name: string): string | undefined {
    const option = this.#options.get(name);
    const value = this.#fromOption(name) ?? this.#fromVariable(name) ?? option?.default;
    const choices = option?.choices;
    if (value === undefined || !choices) return value;
    const choice = choices.find((one) => one.toLowerCase() === value.toLowerCase());
    if (choice === undefined) throw this.#noChoice(name, choices, value);
    return choice;
  }

  flag(name: string): boolean {
    const value = this.text(name);
    return value === undefined ? false : flag(this.called(name), value);
  }

  /** All values; in a variable they are separated by commas or spaces. */
  list(name: string): string[] {
    const values = this.#given.get(name) ?? this.#fromVariable(name)?.split(/[\s,]+/) ?? [];
    return values.filter((value) => value !== "");
  }

  /** All values as they stand on the command line, empty ones too; `undefined` when the option is not there. */
  raw(name: string): readonly string[] | undefined {
    return this.#given.get(name);
  }

  /** The option, or the variable, that was given without any value in it; `undefined` where there is none. */
  blank(name: string): string | undefined {
    const given = this.#given.get(name);
    if (given) return given.some((value) => value.trim() === "") ? `--${name}` : undefined;
    const variable = this.#options.get(name)?.variable;
    const isSet = variable !== undefined && this.#env[variable] !== undefined;
    return isSet && this.list(name).length === 0 ? variable : undefined;
  }

  /** What an error calls the value: the option, or the variable that it came from. */
  called(name: string): string {
    const variable = this.#options.get(name)?.variable;
    return variable !== undefined && this.source(name) === "variable" ? variable : `--${name}`;
  }

  #noChoice(name: string, choices: readonly string[], value: string): CymeError {
    const { code, message, facts } = invalid(this.called(name), `one of ${choices.join(", ")}`, value);
    const suggestion = nearest(
      value.toLowerCase(),
      choices.map((choice) => choice.toLowerCase()),
    );
    const meant = choices.find((choice) => choice.toLowerCase() === suggestion);
    return new CymeError(code, meant === undefined ? message : `${message}; did you mean ${meant}?`, facts);
  }

  #fromOption(name: string): string | undefined {
    return this.#given.get(name)?.at(-1) || undefined;
  }

  #fromVariable(name: string): string | undefined {
    const variable = this.#options.get(name)?.variable;
    return (variable === undefined ? undefined : this.#env[variable]) || undefined;
  }
}

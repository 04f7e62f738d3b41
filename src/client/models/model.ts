/** By it both Node.js and Bun ask what to print. */
const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

/** By it a thing says what it is and what it is called; a symbol, so that nobody is offered it for a method. */
export const LABEL: unique symbol = Symbol("label");

/** Something of the cluster that has a name. */
export abstract class Model {
  /** @internal Such as `Instance: web`. */
  abstract [LABEL](): string;

  /** Such as `<Instance: web>`. */
  toString(): string {
    return `<${this[LABEL]()}>`;
  }

  /** @internal */
  [INSPECT](): string {
    return this.toString();
  }
}

/** By it both Node.js and Bun ask what to print. */
const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;

/** Something of the cluster that has a name. */
export abstract class Model {
  /** @internal What it is called when it is printed. */
  protected abstract readonly kind: string;
  /** @internal Its name, id or uuid. */
  protected abstract readonly label: string;

  /** Such as `<Instance: web>`. */
  toString(): string {
    return `<${this.kind}: ${this.label}>`;
  }

  /** @internal */
  [INSPECT](): string {
    return this.toString();
  }
}

/** A JSON Schema (draft 2020-12), as far as the description of the API needs it. */
export interface Schema {
  readonly type?: SchemaType | readonly SchemaType[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly description?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly $ref?: string;
}

type SchemaType = "string" | "number" | "integer" | "boolean" | "object" | "array" | "null";

/** A schema for each field of `T`: none can be forgotten, and none can be there that `T` has not. */
export type Fields<T> = { readonly [K in keyof T]-?: Schema };

export const TEXT: Schema = { type: "string" };
export const NUMBER: Schema = { type: "number" };
export const WHOLE: Schema = { type: "integer" };
export const BOOLEAN: Schema = { type: "boolean" };
export const TIME: Schema = { type: "string", format: "date-time" };
/** Any JSON. */
export const ANY: Schema = {};

export const whole = (minimum: number, maximum?: number): Schema => ({
  type: "integer",
  minimum,
  ...(maximum === undefined ? {} : { maximum }),
});

export const seconds = (minimum: number, maximum: number): Schema => ({ type: "number", minimum, maximum });
export const oneOf = (values: readonly string[]): Schema => ({ type: "string", enum: values });
export const listOf = (items: Schema): Schema => ({ type: "array", items });
export const mapOf = (values: Schema): Schema => ({ type: "object", additionalProperties: values });

/** An object that has all of these fields, and maybe more: fields are added to answers. */
export const record = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: "object",
  properties,
  required: Object.keys(properties),
});

/** What may also be null. */
export function nullable(schema: Schema): Schema {
  const { type, ...rest } = schema;
  if (type === undefined || rest.enum) return { anyOf: [schema, { type: "null" }] };
  return { ...rest, type: [...(typeof type === "string" ? [type] : type), "null"] };
}

export const described = (schema: Schema, description: string): Schema => ({ ...schema, description });

export const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

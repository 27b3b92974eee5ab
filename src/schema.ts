/** The few TypeBox forms that every schema here is made of. A schema's static type is the value *after* `fillDefaults`. */
import Type, { type Static, type TProperties, type TSchema } from 'typebox';

/** An object that refuses fields it does not know: a misspelt option is an error, never dropped. */
export function strictObject<Properties extends TProperties>(
  properties: Properties,
  options: { description?: string; title?: string; if?: object; else?: object } = {},
) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}

/** A field the caller may leave out; its static type is that of a field that is there, since `fillDefaults` puts the default in. */
export function defaulted<Schema extends TSchema>(schema: Schema, value: Static<Schema>): Schema {
  return Type.Optional({ ...schema, default: value } as Schema) as unknown as Schema;
}

/** A field that only a recipe lets the caller leave out, and puts in before defaults are filled. */
export function recipeFills<Schema extends TSchema>(schema: Schema): Schema {
  return Type.Optional({ ...schema } as Schema) as unknown as Schema;
}

/** `null` or the schema. */
export function nullable<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

/** One of several objects told apart by their `type`, so that a misspelt option of one is reported as that one's. */
export function tagged<const Members extends TSchema[]>(members: [...Members], description?: string) {
  return Type.Unsafe<Static<Members[number]>>({
    type: 'object',
    ...(description === undefined ? {} : { description }),
    required: ['type'],
    discriminator: { propertyName: 'type' },
    oneOf: members,
  });
}

/** One of several strings. */
export function choice<const Values extends string[]>(values: [...Values], options: { description?: string } = {}) {
  return Type.Unsafe<Values[number]>({ type: 'string', enum: values, ...options });
}

interface AnySchema {
  default?: unknown;
  properties?: Record<string, AnySchema>;
  oneOf?: AnySchema[];
  anyOf?: AnySchema[];
  items?: AnySchema;
  type?: string;
  const?: unknown;
}

/** A copy of a valid value with every default of its schema written out, at every depth. Call it after validation only. */
export function fillDefaults<Schema extends TSchema>(schema: Schema, value: unknown): Static<Schema> {
  return fill(schema as AnySchema, value) as Static<Schema>;
}

function fill(schema: AnySchema, value: unknown): unknown {
  const given = value === undefined ? defaultOf(schema) : value;
  if (Array.isArray(given)) return schema.items ? given.map((item) => fill(schema.items as AnySchema, item)) : given;
  if (given === null || typeof given !== 'object') return given;
  const object = given as Record<string, unknown>;
  const member =
    schema.oneOf?.find((candidate) => candidate.properties?.type?.const === object.type) ??
    schema.anyOf?.find((candidate) => candidate.type === 'object' || candidate.oneOf !== undefined);
  if (member) return fill(member, object);
  if (!schema.properties) return object;
  const filled: Record<string, unknown> = { ...object };
  for (const [name, property] of Object.entries(schema.properties)) {
    const entry = fill(property, object[name]);
    if (entry !== undefined) filled[name] = entry;
  }
  return filled;
}

function defaultOf({ default: value }: AnySchema): unknown {
  // Most are no objects: what need not be cloned takes a thirtieth of the time.
  return typeof value === 'object' ? structuredClone(value) : value;
}

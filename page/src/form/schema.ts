/** What of JSON Schema the service's schemas are made of, and which control each part gets. */

export type Json = null | boolean | number | string | Json[] | { [field: string]: Json };
export type JsonObject = { [field: string]: Json };

export interface Schema {
  type?: string;
  title?: string;
  description?: string;
  default?: Json;
  const?: Json;
  enum?: Json[];
  properties?: Record<string, Schema>;
  required?: string[];
  patternProperties?: Record<string, Schema>;
  oneOf?: Schema[];
  anyOf?: Schema[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  if?: { required?: string[]; properties?: Record<string, { type?: string }> };
  else?: Requirement;
}

/** What is required besides, of an object and of those in it. */
export interface Requirement {
  required?: string[];
  properties?: Record<string, Requirement>;
}

export type Control =
  | { kind: 'resource'; of: 'model' | 'dataset' }
  | { kind: 'choice'; values: Json[] }
  | { kind: 'boolean' }
  | { kind: 'number'; whole: boolean }
  | { kind: 'text' }
  /** A number, or one of some words. */
  | { kind: 'number_or_word'; words: string[] }
  | { kind: 'choices'; values: Json[] }
  | { kind: 'numbers' }
  | { kind: 'texts' }
  | { kind: 'items'; item: Schema }
  | { kind: 'object'; fields: Record<string, Schema> }
  | { kind: 'tagged'; members: Schema[] }
  /** Whatever has no control of its own is written as JSON. */
  | { kind: 'json' };

/** A schema without its null, where it has one. */
export function withoutNull(schema: Schema): { schema: Schema; nullable: boolean } {
  const members = schema.anyOf?.filter(({ type }) => type !== 'null');
  if (!members || members.length === schema.anyOf?.length) return { schema, nullable: false };
  const { anyOf: _, ...rest } = schema;
  return { schema: members.length === 1 ? { ...members[0], ...rest } : { ...rest, anyOf: members }, nullable: true };
}

/** The control of a schema that is not null. */
export function controlOf(schema: Schema): Control {
  const { type, properties, oneOf, anyOf, items } = schema;
  if (schema.enum) return { kind: 'choice', values: schema.enum };
  if (oneOf?.every((member) => tagOf(member) !== null)) return { kind: 'tagged', members: oneOf };
  if (anyOf?.length === 2) {
    const number = anyOf.find((member) => member.type === 'number' || member.type === 'integer');
    const words = anyOf.find((member) => member.type === 'string' && member.enum)?.enum;
    if (number && words) return { kind: 'number_or_word', words: words as string[] };
  }
  switch (type) {
    case 'boolean':
      return { kind: 'boolean' };
    case 'integer':
    case 'number':
      return { kind: 'number', whole: type === 'integer' };
    case 'string':
      if (schema.pattern?.startsWith('^mdl_')) return { kind: 'resource', of: 'model' };
      if (schema.pattern?.startsWith('^dst_')) return { kind: 'resource', of: 'dataset' };
      return { kind: 'text' };
    case 'object':
      return properties && Object.keys(properties).length > 0 ? { kind: 'object', fields: properties } : { kind: 'json' };
    case 'array':
      if (!items) return { kind: 'json' };
      if (items.enum) return { kind: 'choices', values: items.enum };
      if (items.type === 'number' || items.type === 'integer') return { kind: 'numbers' };
      if (items.type === 'string' && !items.pattern) return { kind: 'texts' };
      return items.properties || items.oneOf ? { kind: 'items', item: items } : { kind: 'json' };
    default:
      return { kind: 'json' };
  }
}

/** The `type` that tells a member of a tagged union from the others. */
export function tagOf(member: Schema): string | null {
  const tag = member.properties?.type?.const;
  return typeof tag === 'string' ? tag : null;
}

/** What the schema requires of this value beyond `required`: its `else`, where its `if` does not hold. */
export function requirementOf(schema: Schema, value: JsonObject): Requirement {
  const { if: condition, else: otherwise } = schema;
  if (!condition || !otherwise) return {};
  const there = condition.required?.every((name) => name in value) ?? true;
  const typed = Object.entries(condition.properties ?? {}).every(([name, { type }]) => type === undefined || typeof value[name] === type);
  return there && typed ? {} : otherwise;
}

/** An object with a field set; without it where the value is undefined. */
export function withField(object: JsonObject, name: string, value: Json | undefined): JsonObject {
  const { [name]: _, ...others } = object;
  return value === undefined ? others : { ...object, [name]: value };
}

/** From Ajv's errors to complaints a caller can act on. */
import type { ErrorObject } from 'ajv';
import { type ProblemItem, received } from '../../errors.ts';
import { suggestion } from './suggestion.ts';
import type { Part } from './validator.ts';

const MOST = 100;

/** One complaint a fault, at most a hundred. */
export function complaints(errors: readonly ErrorObject[], part: Part): ProblemItem[] {
  const items: ProblemItem[] = [];
  const seen = new Set<string>();
  for (const error of withoutAlternatives(errors)) {
    const item = complaint(error, part);
    const key = `${item.pointer} ${item.detail}`;
    if (!seen.has(key)) items.push(item);
    seen.add(key);
    if (items.length === MOST) break;
  }
  return items;
}

/**
 * A value that may be one of several things gets an error for each that it is not. Kept are those of the alternatives whose type it has; where it has the
 * type of none, the one error that names them all.
 */
function withoutAlternatives(errors: readonly ErrorObject[]): ErrorObject[] {
  let kept = [...errors];
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf').sort((one, other) => one.schemaPath.length - other.schemaPath.length);
  for (const union of unions) {
    const prefix = `${union.schemaPath}/`;
    const inside = kept.filter(
      ({ schemaPath, instancePath }) => schemaPath.startsWith(prefix) && instancePath.startsWith(union.instancePath),
    );
    const branchOf = ({ schemaPath }: ErrorObject) => schemaPath.slice(prefix.length).split('/')[0] ?? '';
    const mistyped = new Set(
      inside.filter(({ keyword, instancePath }) => keyword === 'type' && instancePath === union.instancePath).map(branchOf),
    );
    const meant = inside.filter((error) => !mistyped.has(branchOf(error)));
    kept = kept.filter((error) => !inside.includes(error) && (error !== union || meant.length === 0));
    kept.push(...meant);
  }
  // What has the wrong type has no right value either.
  const mistyped = new Set(kept.filter(({ keyword }) => keyword === 'type').map(({ instancePath }) => instancePath));
  kept = kept.filter(({ keyword, instancePath }) => !((keyword === 'enum' || keyword === 'const') && mistyped.has(instancePath)));
  // What a condition asks for is said by itself.
  kept = kept.filter(({ keyword }) => keyword !== 'if');
  // A missing tag is said by `required`; the discriminator says it again.
  return kept.filter(({ keyword, params }) => !(keyword === 'discriminator' && params.error === 'tag' && params.tagValue === undefined));
}

function complaint(error: ErrorObject, part: Part): ProblemItem {
  const { keyword, params, data } = error;
  const at = (suffix = '') => pointer(`${error.instancePath}${suffix}`, part);
  const child = (name: string) => at(`/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  const field = part === 'body' ? 'field' : 'parameter';
  switch (keyword) {
    case 'additionalProperties': {
      const name = String(params.additionalProperty);
      const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
      const value = (data as Record<string, unknown>)[name];
      return {
        pointer: child(name),
        detail: `Unknown ${field} '${name.length > 100 ? `${name.slice(0, 97)}...` : name}'. ${hint(name, known)}`,
        received: received(value),
      };
    }
    case 'required': {
      const name = String(params.missingProperty);
      return { pointer: child(name), detail: `The ${field} '${name}' is missing` };
    }
    case 'discriminator': {
      const tags = tagsOf(error);
      const given = params.tagValue;
      const hinted = typeof given === 'string' ? hint(given, tags) : `Known: ${tags.join(', ')}`;
      return { pointer: child(String(params.tag)), detail: `There is no such ${params.tag}. ${hinted}`, received: received(given) };
    }
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]).map(String);
      const hinted = typeof data === 'string' ? hint(data, allowed) : `Known: ${allowed.join(', ')}`;
      return { pointer: at(), detail: `${name(at())} is not one of the values it may have. ${hinted}`, received: received(data) };
    }
    case 'const':
      return { pointer: at(), detail: `${name(at())} must be ${JSON.stringify(params.allowedValue)}`, received: received(data) };
    case 'anyOf': {
      const types = ((error.schema as { type?: string }[] | undefined) ?? []).map(({ type }) => type).filter(Boolean);
      const detail = types.length > 0 ? `must be ${types.join(' or ')}` : error.message;
      return { pointer: at(), detail: `${name(at())} ${detail}`, received: received(data) };
    }
    case 'type':
      if (data === undefined && error.instancePath === '' && part === 'body') return { pointer: '', detail: 'The body is missing' };
      return { pointer: at(), detail: `${name(at())} ${error.message ?? 'is not valid'}`, received: received(data) };
    default:
      return { pointer: at(), detail: `${name(at())} ${error.message ?? 'is not valid'}`, received: received(data) };
  }
}

function pointer(path: string, part: Part): string {
  return part === 'body' ? path : `?${path.slice(1)}`;
}

function name(at: string): string {
  return at === '' ? 'The body' : at;
}

function hint(given: string, known: readonly string[]): string {
  const meant = suggestion(given, known);
  return meant === null ? `Known: ${known.join(', ') || 'none'}` : `Did you mean '${meant}'?`;
}

/** The values that the tag of a tagged union may have. */
function tagsOf(error: ErrorObject): string[] {
  const { oneOf = [] } = (error.parentSchema ?? {}) as { oneOf?: { properties?: Record<string, { const?: unknown }> }[] };
  return oneOf.map(({ properties }) => String(properties?.[error.params.tag as string]?.const));
}

/** Prints docs/job-options.md from the schemas of jobs: node scripts/options-docs.ts > docs/job-options.md */
import { CompareSpec, EvaluateSpec, PruneSpec, Pruning, SensitivitySpec, Training, TrainSpec } from '../src/jobs/spec/index.ts';

interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema | Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  maxItems?: number;
  maxLength?: number;
}

interface Row {
  field: string;
  accepted: string;
  default: string;
  meaning: string;
}

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  const [from, to] = [minimum ?? exclusiveMinimum, maximum ?? exclusiveMaximum];
  const low = from === undefined ? '' : `${minimum === undefined ? 'above' : 'from'} ${from}`;
  const high = to === undefined ? '' : `${maximum === undefined ? 'below' : 'to'} ${to}`;
  return [low, high].filter(Boolean).join(' ');
}

/** What a value may be, in words. */
function accepted(schema: Schema): string {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map(accepted))].join(' or ');
  if (schema.oneOf) return 'an object by its `type`';
  switch (schema.type) {
    case 'number':
    case 'integer':
      return [schema.type === 'integer' ? 'whole number' : 'number', range(schema)].filter(Boolean).join(' ');
    case 'boolean':
      return '`true`, `false`';
    case 'array': {
      const { items, minItems = 0, maxItems } = schema;
      const many = maxItems === undefined ? '' : minItems === maxItems ? `${maxItems} of ` : `${minItems} to ${maxItems} of `;
      return `a list of ${many}${Array.isArray(items) ? items.map(accepted).join(', ') : accepted(items ?? {})}`;
    }
    case 'object':
      return schema.properties ? 'an object' : 'an object of names and values';
    case 'string':
      return schema.pattern ? `text like ${code(schema.pattern)}` : 'text';
    case 'null':
      return '`null`';
    default:
      return 'any';
  }
}

/** The object, or objects told apart by their `type`, that a value may be. */
function objectsIn(schema: Schema): Schema[] {
  if (schema.anyOf) return schema.anyOf.flatMap(objectsIn);
  if (schema.oneOf) return schema.oneOf;
  if (schema.type === 'array' && schema.items && !Array.isArray(schema.items)) return objectsIn(schema.items);
  if (schema.properties) return [schema];
  const [of] = Object.values(schema.patternProperties ?? {});
  return of ? objectsIn(of) : [];
}

const typeOf = (schema: Schema): unknown => schema.properties?.type?.const;

/** A field and everything in it; what has a section of its own is named. */
function rows(field: string, schema: Schema, isRequired: boolean, sections: ReadonlySet<string>): Row[] {
  const own: Row = {
    field,
    accepted: accepted(schema),
    default: 'default' in schema ? code(schema.default) : isRequired ? 'required' : '',
    meaning: schema.description ?? (schema.anyOf ?? []).flatMap(({ description }) => description ?? []).join(' '),
  };
  const name = field.split('.').at(-1)!;
  const elsewhere = AS_IN[name];
  if (elsewhere !== undefined && field !== elsewhere) return [{ ...own, meaning: `As \`${elsewhere}\`.` }];
  if (sections.has(name)) return [{ ...own, meaning: `${own.meaning} See below.`.trim() }];
  const inside = objectsIn(schema).flatMap((object): Row[] => {
    const type = typeOf(object);
    const repeated = schema.type === 'array' ? '[]' : schema.properties || schema.anyOf || schema.oneOf ? '' : '.*';
    const at = type === undefined ? `${field}${repeated}` : `${field}${repeated}(${type})`;
    const head: Row[] = type === undefined ? [] : [{ field: at, accepted: '', default: '', meaning: object.description ?? '' }];
    return [...head, ...fieldsOf(object, at, sections)];
  });
  return [own, ...inside];
}

function fieldsOf(object: Schema, at: string, sections: ReadonlySet<string> = new Set()): Row[] {
  return Object.entries(object.properties ?? {})
    .filter(([name, { const: fixed }]) => !(name === 'type' && fixed !== undefined))
    .flatMap(([name, field]) => rows(at === '' ? name : `${at}.${name}`, field, object.required?.includes(name) ?? false, sections));
}

/** Fields whose objects are listed once, wherever they stand. */
const AS_IN: Record<string, string> = { clipping: 'training.clipping', criterion: 'pruning.criterion' };

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
function table(all: readonly Row[]): string {
  const lines = all.map((row) => `| \`${row.field}\` | ${cell(row.accepted)} | ${cell(row.default)} | ${cell(row.meaning)} |`);
  return ['| field | accepted | default | |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

/** Objects that have a section of their own, by the fields that hold them. */
const BELOW = ['pruning', 'training', 'fine_tuning', 'packing', 'evaluation', 'webhook'];
const sections = new Set(BELOW);
const common = ['model_id', 'dataset_id', 'seed', 'max_runtime_s', 'device', 'metadata', 'evaluation', 'output', 'webhook'];
const shared = fieldsOf(TrainSpec, '', sections).filter(({ field }) =>
  common.some((name) => field === name || field.startsWith(`${name}.`)),
);
const own = (spec: Schema): Row[] => fieldsOf(spec, '', sections).filter(({ field }) => !shared.some((other) => other.field === field));
const section = (title: string, text: string, all: readonly Row[]): string => `## ${title}\n\n${text}\n\n${table(all)}`;
const { evaluation, webhook, packing } = TrainSpec.properties as Record<string, Schema>;
const inside = (schema: Schema, at: string): Row[] => objectsIn(schema).flatMap((object) => fieldsOf(object, at));

process.stdout.write(`# Options of jobs

Every field of the body of \`POST /v1/jobs\`, with what it accepts and what it is where it is left out; the stored job has every default in place. A dot leads into an object, \`[]\` to each of a list, \`.*\` to each
value of an object of names; \`(name)\` is the \`type\` of which the field is. What does not go together is refused with the request, and the answer says what would.

Generated from \`src/jobs/spec\` by \`npm run options-docs\`; do not edit. docs/pruning.md, docs/training.md and docs/packing.md say what the methods do.

${section('Every job', '`type` is `train`, `prune`, `evaluate`, `sensitivity` or `compare`. `evaluate` and `sensitivity` have no `output`, `sensitivity` no `evaluation`, and `compare` a `seeds` in the place of `seed`.', shared)}

${section('train', 'Beside the fields of every job.', own(TrainSpec as Schema))}

${section('prune', `${PruneSpec.description}`, own(PruneSpec as Schema))}

${section('evaluate', `${EvaluateSpec.description}`, own(EvaluateSpec as Schema))}

${section('sensitivity', `${SensitivitySpec.description}`, own(SensitivitySpec as Schema))}

${section('compare', `${CompareSpec.description}`, own(CompareSpec as Schema))}

${section('pruning', 'Of `prune` jobs.', fieldsOf(Pruning as Schema, 'pruning'))}

${section('training', 'Of `train` jobs, and `fine_tuning` of `prune` jobs.', fieldsOf(Training as Schema, 'training'))}

${section('packing', 'Of `train` and `prune` jobs.', inside(packing!, 'packing'))}

${section('evaluation', 'What is measured.', inside(evaluation!, 'evaluation'))}

${section('webhook', 'Who is told.', inside(webhook!, 'webhook'))}
`);

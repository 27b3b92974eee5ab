import type { ComponentChildren } from 'preact';
import { createContext } from 'preact';
import { useContext, useState } from 'preact/hooks';
import { words } from '../format.ts';
import {
  type Control,
  controlOf,
  type Json,
  type JsonObject,
  type Requirement,
  requirementOf,
  type Schema,
  tagOf,
  withField,
  withoutNull,
} from './schema.ts';

export interface Resource {
  id: string;
  name: string;
}

export interface FormContext {
  models: Resource[];
  datasets: Resource[];
  /** What the service said of a place, by JSON pointer. */
  errors: ReadonlyMap<string, string>;
}

export const Form = createContext<FormContext>({ models: [], datasets: [], errors: new Map() });

interface FieldProps {
  name: string;
  schema: Schema;
  /** JSON pointer of the field; its control's id. */
  pointer: string;
  value: Json | undefined;
  /** undefined leaves the field to its default. */
  onChange(value: Json | undefined): void;
  required?: boolean;
  requirement?: Requirement;
}

/** A part of a form, by its schema: what is not set is not sent, and the service's default holds. */
export function Field(props: FieldProps) {
  const { schema: given, name, value, pointer, onChange, required = false, requirement = {} } = props;
  const { schema, nullable } = withoutNull(given);
  const control = controlOf(schema);
  switch (control.kind) {
    case 'object':
    case 'tagged':
    case 'items':
      return (
        <Group
          name={name}
          schema={schema}
          pointer={pointer}
          value={value}
          onChange={onChange}
          required={required}
          optional={!required && (nullable || !('default' in given))}
          empty={control.kind === 'items' ? [] : {}}
        >
          <Inside
            control={control}
            schema={schema}
            pointer={pointer}
            value={value}
            onChange={onChange}
            required={required}
            requirement={requirement}
          />
        </Group>
      );
    default:
      return <Line {...props} schema={schema} control={control} required={required} />;
  }
}

type GroupControl = Extract<Control, { kind: 'object' | 'tagged' | 'items' }>;

/** A part with parts of its own, folded where it may be left alone. One that is `optional` is there or not: opening it does not set it. */
function Group(props: Omit<FieldProps, 'requirement'> & { optional: boolean; empty: Json; children: ComponentChildren }) {
  const { name, schema, pointer, value, onChange, required, optional, empty, children } = props;
  const { errors } = useContext(Form);
  const wrong = [...errors.keys()].some((at) => at === pointer || at.startsWith(`${pointer}/`));
  return (
    <details class="group" open={required || wrong || undefined}>
      <summary>
        {words(name)}
        <span class="hint">{required ? ' (required)' : value === undefined ? ' (default)' : ' (set)'}</span>
      </summary>
      <fieldset id={pointer} tabIndex={-1}>
        <legend class="hidden">{words(name)}</legend>
        <Description text={schema.description} />
        <Complaint pointer={pointer} />
        {optional && (
          <label class="check">
            <input
              type="checkbox"
              checked={value !== undefined && value !== null}
              onChange={(event) => onChange(event.currentTarget.checked ? empty : undefined)}
            />
            use {words(name)}
          </label>
        )}
        {(!optional || (value !== undefined && value !== null)) && children}
        {!optional && !required && value !== undefined && (
          <button type="button" class="quiet" onClick={() => onChange(undefined)}>
            Back to the default
          </button>
        )}
      </fieldset>
    </details>
  );
}

function Inside(props: Omit<FieldProps, 'name'> & { control: GroupControl }) {
  const { control, schema, pointer, value, onChange, required = false, requirement } = props;
  switch (control.kind) {
    case 'object':
      return (
        <Fields
          schema={schema}
          pointer={pointer}
          value={isObject(value) ? value : {}}
          onChange={onChange}
          {...(requirement ? { requirement } : {})}
        />
      );
    case 'tagged':
      return <Tagged members={control.members} schema={schema} pointer={pointer} value={value} onChange={onChange} required={required} />;
    case 'items':
      return <Items item={control.item} pointer={pointer} value={value} onChange={onChange} />;
  }
}

/** The fields of an object: those that are required first. */
export function Fields(props: {
  schema: Schema;
  pointer: string;
  value: JsonObject;
  onChange(value: JsonObject): void;
  requirement?: Requirement;
}) {
  const { schema, pointer, value, onChange, requirement = {} } = props;
  const own = requirementOf(schema, value);
  const required = new Set([...(schema.required ?? []), ...(own.required ?? []), ...(requirement.required ?? [])]);
  const fields = Object.entries(schema.properties ?? {}).filter(([, field]) => field.const === undefined);
  const isGroup = (field: Schema) => ['object', 'tagged', 'items'].includes(controlOf(withoutNull(field).schema).kind);
  // Of a whole job, what there is to do comes before how and where it is done.
  const rank = ([name, field]: [string, Schema]) => (required.has(name) ? 0 : pointer === '' && !isGroup(field) ? 2 : 1);
  const sorted = fields.toSorted((one, other) => rank(one) - rank(other));
  return (
    <>
      {sorted.map(([name, field]) => (
        <Field
          key={name}
          name={name}
          schema={field}
          pointer={`${pointer}/${name}`}
          value={value[name]}
          onChange={(next) => onChange(withField(value, name, next))}
          required={required.has(name)}
          requirement={own.properties?.[name] ?? requirement.properties?.[name] ?? {}}
        />
      ))}
    </>
  );
}

function Tagged(props: {
  members: Schema[];
  schema: Schema;
  pointer: string;
  value: Json | undefined;
  onChange(value: Json | undefined): void;
  required: boolean;
}) {
  const { members, schema, pointer, value, onChange, required } = props;
  const tag = isObject(value) && typeof value.type === 'string' ? value.type : '';
  const member = members.find((candidate) => tagOf(candidate) === tag);
  const fallback = isObject(schema.default) ? String(schema.default.type) : null;
  const id = `${pointer}/type`;
  return (
    <>
      <div class="line">
        <label for={id}>type</label>
        <select
          id={id}
          value={tag}
          onChange={(event) => onChange(event.currentTarget.value === '' ? undefined : { type: event.currentTarget.value })}
          aria-required={required}
        >
          <option value="">{fallback === null ? 'Choose…' : `Default: ${fallback}`}</option>
          {members.map((candidate) => (
            <option key={tagOf(candidate)} value={tagOf(candidate) ?? ''}>
              {tagOf(candidate)}
            </option>
          ))}
        </select>
        <Description text={member?.description} />
        <Complaint pointer={id} />
      </div>
      {member && isObject(value) && <Fields key={tag} schema={member} pointer={pointer} value={value} onChange={onChange} />}
    </>
  );
}

function Items({
  item,
  pointer,
  value,
  onChange,
}: {
  item: Schema;
  pointer: string;
  value: Json | undefined;
  onChange(value: Json | undefined): void;
}) {
  const items = Array.isArray(value) ? value : [];
  const replace = (index: number, next: Json | undefined) => onChange(next === undefined ? items : items.with(index, next));
  return (
    <>
      {items.map((entry, index) => (
        <fieldset key={index} class="item">
          <legend>{`number ${index + 1}`}</legend>
          {controlOf(item).kind === 'tagged' ? (
            <Tagged
              members={item.oneOf ?? []}
              schema={item}
              pointer={`${pointer}/${index}`}
              value={entry}
              onChange={(next) => replace(index, next ?? {})}
              required
            />
          ) : (
            <Fields
              schema={item}
              pointer={`${pointer}/${index}`}
              value={isObject(entry) ? entry : {}}
              onChange={(next) => replace(index, next)}
            />
          )}
          <button type="button" class="quiet" onClick={() => onChange(items.length === 1 ? undefined : items.toSpliced(index, 1))}>
            Remove number {index + 1}
          </button>
        </fieldset>
      ))}
      <button type="button" class="quiet" onClick={() => onChange([...items, {}])}>
        Add one
      </button>
    </>
  );
}

type LineControl = Exclude<Control, GroupControl>;

/** One value with its label, its description and what the service said of it. */
function Line({ name, schema, pointer, value, onChange, required = false, control }: FieldProps & { control: LineControl }) {
  const { errors, models, datasets } = useContext(Form);
  const [unread, setUnread] = useState<string | null>(null);
  const wrong = errors.has(pointer) || unread !== null;
  const described = [schema.description && `${pointer}#about`, wrong && `${pointer}#wrong`].filter(Boolean).join(' ');
  const common = {
    id: pointer,
    'aria-required': required,
    'aria-invalid': wrong,
    ...(described ? { 'aria-describedby': described } : {}),
  };
  const fallback = written(schema.default);
  /** A field for text, which is read as what it means. */
  const typed = (read: (text: string) => Json, initial: string, extra: object = {}) => (
    <input
      {...common}
      {...extra}
      defaultValue={initial}
      placeholder={fallback}
      onInput={({ currentTarget: { value: text } }) => {
        try {
          onChange(text.trim() === '' ? undefined : read(text.trim()));
          setUnread(null);
        } catch (error) {
          setUnread((error as Error).message);
        }
      }}
    />
  );
  const select = (options: { value: string; label: string }[], read: (text: string) => Json) => (
    <select
      {...common}
      value={value === undefined || value === null ? '' : String(value)}
      onChange={({ currentTarget: { value: text } }) => onChange(text === '' ? undefined : read(text))}
    >
      <option value="">{fallback === '' ? (required ? 'Choose…' : 'Default') : `Default: ${fallback}`}</option>
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
  const initial = value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value);

  if (control.kind === 'boolean') {
    return (
      <div class="line">
        <label class="check">
          <input
            type="checkbox"
            {...common}
            checked={typeof value === 'boolean' ? value : schema.default === true}
            onChange={(event) => onChange(event.currentTarget.checked)}
          />
          {words(name)}
        </label>
        <About pointer={pointer} text={schema.description} wrong={unread} />
      </div>
    );
  }
  if (control.kind === 'choices') {
    const chosen = Array.isArray(value) ? value : [];
    return (
      <fieldset class="line" id={pointer} tabIndex={-1} {...(described ? { 'aria-describedby': described } : {})}>
        <legend>{words(name)}</legend>
        <div class="choices">
          {control.values.map((option) => (
            <label class="check" key={String(option)}>
              <input
                type="checkbox"
                checked={chosen.includes(option)}
                onChange={({ currentTarget: { checked } }) => {
                  const next = checked ? [...chosen, option] : chosen.filter((other) => other !== option);
                  onChange(next.length === 0 ? undefined : next);
                }}
              />
              {String(option)}
            </label>
          ))}
        </div>
        <About pointer={pointer} text={schema.description} wrong={unread} />
      </fieldset>
    );
  }
  return (
    <div class="line">
      <label for={pointer}>
        {words(name)}
        {required && <span class="hint"> (required)</span>}
      </label>
      {control.kind === 'resource' &&
        select(
          (control.of === 'model' ? models : datasets).map(({ id, name }) => ({ value: id, label: `${name} (…${id.slice(-6)})` })),
          (text) => text,
        )}
      {control.kind === 'choice' &&
        select(
          control.values.map((option) => ({ value: String(option), label: String(option) })),
          (text) => control.values.find((option) => String(option) === text) as Json,
        )}
      {control.kind === 'number' &&
        typed(number, initial, {
          type: 'number',
          step: control.whole ? 1 : 'any',
          ...bounds(schema),
        })}
      {control.kind === 'text' && typed((text) => text, initial, { type: 'text', maxLength: schema.maxLength })}
      {control.kind === 'number_or_word' &&
        typed((text) => (control.words.includes(text) ? text : number(text)), initial, { type: 'text', list: `${pointer}#words` })}
      {control.kind === 'number_or_word' && (
        <datalist id={`${pointer}#words`}>
          {control.words.map((word) => (
            <option key={word} value={word} />
          ))}
        </datalist>
      )}
      {control.kind === 'numbers' &&
        typed((text) => text.split(',').map((part) => number(part.trim())), Array.isArray(value) ? value.join(', ') : '', {
          type: 'text',
          inputMode: 'decimal',
        })}
      {control.kind === 'texts' &&
        typed((text) => text.split(',').map((part) => part.trim()), Array.isArray(value) ? value.join(', ') : '', { type: 'text' })}
      {control.kind === 'json' && typed(jsonOrWord, initial, { type: 'text', spellcheck: false, class: 'code' })}
      {(control.kind === 'numbers' || control.kind === 'texts') && <p class="hint">Several with commas between them.</p>}
      {control.kind === 'json' && <p class="hint">As JSON; a word needs no quotes.</p>}
      <About pointer={pointer} text={schema.description} wrong={unread} />
    </div>
  );
}

function About({ pointer, text, wrong }: { pointer: string; text: string | undefined; wrong: string | null }) {
  return (
    <>
      {text && (
        <p class="hint" id={`${pointer}#about`}>
          {text}
        </p>
      )}
      <Complaint pointer={pointer} own={wrong} />
    </>
  );
}

function Description({ text }: { text: string | undefined }) {
  return text ? <p class="hint">{text}</p> : null;
}

function Complaint({ pointer, own = null }: { pointer: string; own?: string | null }) {
  const { errors } = useContext(Form);
  const text = own ?? errors.get(pointer);
  return text ? (
    <p class="wrong" id={`${pointer}#wrong`}>
      {text}
    </p>
  ) : null;
}

/** A default as it would be typed in. */
function written(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value) && value.length > 0 && value.every((part) => typeof part !== 'object')) return value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function number(text: string): number {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) throw new Error(`A number is needed. Received: ${text}`);
  return value;
}

function jsonOrWord(text: string): Json {
  if (/^[\w-]+$/.test(text) && !/^(-?\d+|true|false|null)$/.test(text)) return text;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new Error(`This is no JSON: ${(error as Error).message}`);
  }
}

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): { min?: number; max?: number } {
  const min = minimum ?? exclusiveMinimum;
  const max = maximum ?? exclusiveMaximum;
  return { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

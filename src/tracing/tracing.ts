/** Tracing's port. Off, which is the default, nothing of OpenTelemetry is loaded, and spans are one object that does nothing. */
import type { Logger } from 'pino';

export type Attributes = Record<string, string | number>;

export interface SpanOptions {
  kind?: 'server' | 'internal' | 'producer' | 'consumer';
  attributes?: Attributes;
  /** Milliseconds since 1970, where it began before now. */
  startedAt?: number;
}

/** Something that takes time. It is told of once it has ended. */
export interface Span {
  /** By which another process continues the trace; null where tracing is off. */
  readonly traceparent: string | null;
  /** 32 digits of hex, for logs; null where tracing is off. */
  readonly traceId: string | null;
  child(name: string, options?: SpanOptions): Span;
  set(attributes: Attributes): void;
  /** It failed: by which code, or which class of error. Never a message, which may tell of what is the caller's. */
  fail(type: string): void;
  end(): void;
}

export interface Tracing {
  /** A span that continues the trace of a `traceparent`; of a new one where that is null or is none. */
  span(name: string, traceparent: string | null | undefined, options?: SpanOptions): Span;
  /** Sends what has not been sent, for 2 s at the most. */
  close(): Promise<void>;
}

/** How much is recorded, by `OTEL_TRACES_SAMPLER`. Where spans go is read by OpenTelemetry itself. */
export interface TracingSettings {
  sampler: (typeof SAMPLERS)[number];
  /** Of traces, from 0 to 1, for the samplers that have one. */
  ratio: number;
}

export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

export const NO_SPAN: Span = { traceparent: null, traceId: null, child: () => NO_SPAN, set() {}, fail() {}, end() {} };

export const NO_TRACING: Tracing = { span: () => NO_SPAN, async close() {} };

/** Tracing as the configuration has it; null: none. `part` becomes the service's name, unless the environment names it. */
export async function openTracing(settings: TracingSettings | null, part: 'server' | 'worker', log: Logger): Promise<Tracing> {
  if (settings === null) return NO_TRACING;
  const { otlpTracing } = await import('./otlp.ts');
  return otlpTracing(settings, part, log);
}

/** Does something within a span, which ends with it, and fails where it does. */
export async function within<Value>(span: Span, action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    span.fail(faultOf(error));
    throw error;
  } finally {
    span.end();
  }
}

/** Whose calls are children of a span. Those of `except` are not. */
export function traced<Port extends object>(port: Port, prefix: string, span: Span, except: readonly (keyof Port & string)[]): Port {
  if (span.traceparent === null) return port;
  const calls = Object.entries(port).map(([name, method]) => [
    name,
    (except as readonly string[]).includes(name)
      ? method
      : (...values: unknown[]) =>
          within(span.child(`${prefix} ${name}`), () => (method as (...values: unknown[]) => Promise<unknown>)(...values)),
  ]);
  return Object.fromEntries(calls) as Port;
}

function faultOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : typeof name === 'string' ? name : 'Error';
}

import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { readTraceparent, writeTraceparent } from '../../src/tracing/traceparent.ts';
import { NO_SPAN, NO_TRACING, openTracing, traced, within } from '../../src/tracing/tracing.ts';

const [TRACE, SPAN] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

describe('a traceparent', () => {
  it('is read, and written as it was', () => {
    const header = `00-${TRACE}-${SPAN}-01`;
    expect(readTraceparent(header)).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true });
    expect(writeTraceparent(readTraceparent(header)!)).toBe(header);
    expect(readTraceparent(`00-${TRACE}-${SPAN}-02`)?.sampled).toBe(false);
  });

  it('of a later version is read as far as it is known', () => {
    expect(readTraceparent(`01-${TRACE}-${SPAN}-01-more`)).toMatchObject({ traceId: TRACE });
  });

  it.each([
    ['nothing', undefined],
    ['more than version 00 has', `00-${TRACE}-${SPAN}-01-more`],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['two of them', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ])('with %s is none', (_, header) => expect(readTraceparent(header)).toBeNull());
});

describe('the configuration', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:4318';

  it('traces where an exporter or an endpoint is named, and where nothing says otherwise', () => {
    const settings = { sampler: 'parentbased_always_on', ratio: 1 };
    expect(readConfig({}).tracing).toBeNull();
    expect(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT }).tracing).toEqual(settings);
    expect(readConfig({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: OTEL_EXPORTER_OTLP_ENDPOINT }).tracing).toEqual(settings);
    expect(readConfig({ OTEL_TRACES_EXPORTER: 'otlp' }).tracing).toEqual(settings);
    expect(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }).tracing).toBeNull();
    expect(readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }).tracing).toBeNull();
  });

  it('refuses what it would not do', () => {
    const read = (more: Record<string, string>) => () => readConfig({ OTEL_EXPORTER_OTLP_ENDPOINT, ...more });
    expect(read({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toThrow("OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'; it may be empty, http/json");
    expect(read({ OTEL_TRACES_SAMPLER: 'jaeger_remote' })).toThrow("OTEL_TRACES_SAMPLER is 'jaeger_remote'");
    expect(read({ OTEL_TRACES_SAMPLER_ARG: '2' })).toThrow('OTEL_TRACES_SAMPLER_ARG');
  });
});

describe('spans', () => {
  it('are one that does nothing where tracing is off, and ports are as they were', async () => {
    const tracing = await openTracing(null, 'server', pino({ level: 'silent' }));
    expect(tracing).toBe(NO_TRACING);
    expect(tracing.span('a', `00-${TRACE}-${SPAN}-01`)).toBe(NO_SPAN);
    const port = { call: async () => 1 };
    expect(traced(port, 'port', NO_SPAN, [])).toBe(port);
    await expect(within(NO_SPAN, () => Promise.reject(new Error('as before')))).rejects.toThrow('as before');
  });

  it('continue the trace of a traceparent with what its caller decided, and have children', async () => {
    const tracing = await openTracing({ sampler: 'parentbased_always_on', ratio: 1 }, 'server', pino({ level: 'silent' }));
    const unsampled = tracing.span('a', `00-${TRACE}-${SPAN}-00`);
    expect(unsampled.traceparent).toMatch(new RegExp(`^00-${TRACE}-[\\da-f]{16}-00$`));
    const child = unsampled.child('b');
    expect(child.traceId).toBe(TRACE);
    expect(child.traceparent).not.toBe(unsampled.traceparent);
    expect(tracing.span('c', 'nonsense').traceId).not.toBe(TRACE);
    await tracing.close();
  });
});

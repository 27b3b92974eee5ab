/** Tracing by OpenTelemetry, sent by OTLP over HTTP as JSON. Loaded only where tracing is on. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Context, type Span as OtelSpan, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from 'pino';
import { VERSION } from '../version.ts';
import { readTraceparent, writeTraceparent } from './traceparent.ts';
import type { Span, SpanOptions, Tracing, TracingSettings } from './tracing.ts';

const CLOSE_LIMIT_MS = 2_000;
const KINDS = {
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

export function otlpTracing(settings: TracingSettings, part: string, log: Logger): Tracing {
  const own = { 'service.name': `espalier-${part}`, 'service.version': VERSION, 'service.instance.id': randomUUID() };
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes(own))
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerOf(settings),
    spanProcessors: [new BatchSpanProcessor({ exporter: saysOnce(new OTLPTraceExporter(), log) })],
  });
  const tracer = provider.getTracer('espalier', VERSION);

  function start(name: string, parent: Context, { kind = 'internal', attributes = {}, startedAt }: SpanOptions = {}): Span {
    const begun = tracer.startSpan(
      name,
      { kind: KINDS[kind], attributes, ...(startedAt === undefined ? {} : { startTime: startedAt }) },
      parent,
    );
    return asSpan(begun, (child, options) => start(child, trace.setSpan(parent, begun), options));
  }

  return {
    span(name, traceparent, options) {
      const from = readTraceparent(traceparent);
      const parent = from && {
        traceId: from.traceId,
        spanId: from.spanId,
        traceFlags: from.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
        isRemote: true,
      };
      return start(name, parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT, options);
    },
    async close() {
      await Promise.race([provider.shutdown().catch(() => undefined), pause(CLOSE_LIMIT_MS, undefined, { ref: false })]);
    },
  };
}

function asSpan(span: OtelSpan, child: Span['child']): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: writeTraceparent({ traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 }),
    traceId,
    child,
    set(attributes) {
      span.setAttributes(attributes);
    },
    fail(type) {
      span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', type);
    },
    end() {
      span.end();
    },
  };
}

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  const [parent, name] = sampler.startsWith('parentbased_') ? [true, sampler.slice('parentbased_'.length)] : [false, sampler];
  const root =
    name === 'always_on' ? new AlwaysOnSampler() : name === 'always_off' ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio);
  return parent ? new ParentBasedSampler({ root }) : root;
}

/** One line for an outage of the collector, however many batches it takes; what could not be sent is lost. */
function saysOnce(exporter: SpanExporter, log: Logger): SpanExporter {
  let away = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        // 0 is ExportResultCode.SUCCESS of @opentelemetry/core, which is no dependency of ours.
        const failed = result.code !== 0;
        if (failed && !away) log.warn({ err: result.error, spans: spans.length }, 'Traces could not be sent');
        if (!failed && away) log.info('Traces are sent again');
        away = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

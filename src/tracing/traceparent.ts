/** The header by which a trace goes from one service to the next (W3C Trace Context, level 2). */
export interface TraceParent {
  /** 32 digits of hex. */
  traceId: string;
  /** 16 digits of hex. */
  spanId: string;
  /** Whether the caller records its spans. */
  sampled: boolean;
}

const FORM = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** Null for what is no `traceparent`: the trace then begins here. */
export function readTraceparent(header: string | null | undefined): TraceParent | null {
  const [, version, traceId = '', spanId = '', flags = '', more] = FORM.exec(header ?? '') ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function writeTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

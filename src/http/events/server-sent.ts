/** The stream format of server-sent events (WHATWG HTML, 9.2). */

export interface ServerEvent {
  /** Where a client that was cut off goes on; left out, the one before stays. */
  id?: string;
  event: string;
  /** Sent as JSON. */
  data: unknown;
}

/** A line that clients pass over: it shows proxies, and whoever waits, that the stream is alive. */
export const HEARTBEAT = ':\n\n';

/** JSON has no line breaks of its own, so that data is one line. */
export function printEvent({ id, event, data }: ServerEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** How long a client waits before it comes again. */
export function printRetry(milliseconds: number): string {
  return `retry: ${milliseconds}\n\n`;
}

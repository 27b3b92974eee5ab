import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../version.ts';
import { type CounterName, type GaugeName, type HistogramName, METRICS, type Metric, type MetricName, type Part } from './catalogue.ts';
import { FrequentHistogram } from './frequent-histogram.ts';

/** The metrics of one process, in a registry of their own. */
export interface Metrics {
  counter(name: CounterName): Counter;
  gauge(name: GaugeName): Gauge;
  histogram(name: HistogramName): Histogram;
  /** The same for what happens tens of thousands of times a second. */
  frequentHistogram(name: HistogramName): FrequentHistogram;
  /** Does `collect` before every text, where it sets gauges. One that fails is counted under `source`, and leaves out what it would have set. */
  beforeText(source: 'ledger' | 'redis' | 'gpu', gauges: readonly GaugeName[], collect: () => Promise<void>): void;
  /** All of them in Prometheus' text format. */
  text(): Promise<string>;
  contentType: string;
}

/** The catalogue's metrics of a part, with those that prom-client has of every process. */
export function openMetrics(part: Part): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const made = new Map<string, Counter | Gauge | Histogram>();
  for (const [name, metric] of Object.entries<Metric>(METRICS)) if (metric.of.includes(part)) made.set(name, make(name, metric, registry));
  const collectors: (() => Promise<void>)[] = [];
  const frequent: FrequentHistogram[] = [];
  let writing: Promise<string> | null = null;

  function named<Kind extends Counter | Gauge | Histogram>(name: MetricName): Kind {
    const metric = made.get(name);
    if (!metric) throw new Error(`A ${part} has no metric ${name}`);
    return metric as Kind;
  }

  const metrics: Metrics = {
    counter: (name) => named<Counter>(name),
    gauge: (name) => named<Gauge>(name),
    histogram: (name) => named<Histogram>(name),

    frequentHistogram(name) {
      const histogram = new FrequentHistogram(named<Histogram>(name));
      frequent.push(histogram);
      return histogram;
    },

    beforeText(source, gauges, collect) {
      collectors.push(async () => {
        for (const gauge of gauges) clear(named<Gauge>(gauge), METRICS[gauge]);
        await collect().catch(() => metrics.counter('espalier_collect_failures_total').inc({ source }));
      });
    },

    text() {
      // Who asks meanwhile gets the same: gauges that are being set would be half there.
      writing ??= Promise.all(collectors.map((collect) => collect()))
        .then(() => {
          for (const histogram of frequent) histogram.count();
          return registry.metrics();
        })
        .finally(() => {
          writing = null;
        });
      return writing;
    },

    contentType: registry.contentType,
  };
  metrics.gauge('espalier_build_info').set({ version: VERSION }, 1);
  return metrics;
}

/** Leaves nothing of a gauge; `reset` would leave a zero of one without labels. */
function clear(gauge: Gauge, { labels }: Metric): void {
  if (labels) gauge.reset();
  else gauge.remove();
}

function make(name: string, { kind, help, labels = {}, buckets }: Metric, registry: Registry): Counter | Gauge | Histogram {
  const common = { name, help, labelNames: Object.keys(labels), registers: [registry] };
  switch (kind) {
    case 'counter':
      return new Counter(common);
    case 'gauge':
      return new Gauge(common);
    case 'histogram':
      return new Histogram({ ...common, ...(buckets ? { buckets: [...buckets] } : {}) });
  }
}

import { collectDefaultMetrics, Registry } from 'prom-client';
import { z } from 'zod';
import { LoopMetrics } from '../../platform/lifecycle/loop-metrics.ts';
import { LoginsMetrics } from '../dev-stack/logins-metrics.ts';
import { PoolMetrics } from '../../platform/postgres/pool-metrics.ts';
import { RedisMetrics } from '../../platform/redis/redis-metrics.ts';
import {
  createBroadcasterMetrics,
  registerBroadcasterSizes,
  type BroadcasterSizes,
} from '../../services/broadcaster/metrics.ts';
import { createHostileMetrics } from '../../services/ingest/hostile/hostile-metrics.ts';
import { createIngestMetrics, registerIngestGauges, type IngestGauges } from '../../services/ingest/metrics.ts';
import { createWorkerMetrics, registerWorkerReadings, type WorkerReadings } from '../../services/worker/metrics.ts';

interface Section {
  readonly title: string;
  readonly register: (registry: Registry) => unknown;
}

/** Values are not asked for while nobody scrapes. */
const UNREAD = new Proxy({}, { get: () => () => 0 });

const SECTIONS: readonly Section[] = [
  {
    title: 'Ingest',
    register: (registry) => {
      createIngestMetrics(registry);
      createHostileMetrics(registry);
      registerIngestGauges(registry, UNREAD as IngestGauges);
    },
  },
  {
    title: 'Worker',
    register: (registry) => {
      createWorkerMetrics(registry);
      registerWorkerReadings(registry, UNREAD as WorkerReadings);
      new LoopMetrics(registry);
      new PoolMetrics(registry);
    },
  },
  {
    title: 'Broadcaster',
    register: (registry) => {
      createBroadcasterMetrics(registry);
      registerBroadcasterSizes(registry, UNREAD as BroadcasterSizes);
    },
  },
  { title: 'Logins of the broker', register: (registry) => new LoginsMetrics(registry) },
  { title: 'Every service', register: (registry) => new RedisMetrics(registry) },
  { title: 'Node.js', register: (registry) => collectDefaultMetrics({ register: registry }) },
];

const TABLE_HEAD = ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |'];

const HEAD = `# Metrics

Each service answers \`/metrics\` on its admin port in the text format of Prometheus. Every metric has the label \`service\`; what else it is
told by stands here. Durations are in seconds, sizes in bytes; counters end in \`_total\` and begin anew with the process. No label
names a device, a person or an address.

[deploy/prometheus](../deploy/prometheus) scrapes them and has rules for alerts, [deploy/grafana](../deploy/grafana) shows them, and
[operations.md](operations.md#runbooks) says what to do. This page is written by \`npm run docs:metrics\` from the code; a test fails when
the two disagree.
`;

export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** What prom-client keeps of a metric, more than its types tell. */
const metricSchema = z.object({ name: z.string(), help: z.string(), labelNames: z.array(z.string()) });

/** By name. */
function describe({ register }: Section): readonly MetricDescription[] {
  const registry = new Registry();
  register(registry);
  return registry
    .getMetricsAsArray()
    .map((metric) => {
      const { name, help, labelNames } = metricSchema.parse(metric);
      return { name, help, labels: labelNames, type: metric.constructor.name.toLowerCase() };
    })
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** docs/metrics.md as the code says it. */
export function createMetricsPage(): string {
  const sections = SECTIONS.map((section) => {
    const rows = describe(section).map(({ name, type, labels, help }) => {
      const told = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${told} | ${help} |`;
    });
    return [`## ${section.title}`, '', ...TABLE_HEAD, ...rows, ''].join('\n');
  });
  return `${HEAD}\n${sections.join('\n')}`;
}

/** All there are. */
export function describeMetrics(): readonly MetricDescription[] {
  return SECTIONS.flatMap(describe);
}

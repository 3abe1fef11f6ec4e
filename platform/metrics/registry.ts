import { collectDefaultMetrics, Registry } from 'prom-client';

/** One registry per process, handed to the parts; nothing is registered globally. */
export function createMetricsRegistry(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}

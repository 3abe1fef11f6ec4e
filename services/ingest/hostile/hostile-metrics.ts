import { Counter, type Registry } from 'prom-client';

export interface HostileMetrics {
  readonly blocks: Counter<'scope'>;
  readonly events: Counter<'kind'>;
  readonly eventsDropped: Counter;
}

export function createHostileMetrics(registry: Registry): HostileMetrics {
  const registers = [registry];
  return {
    blocks: new Counter({
      name: 'ingest_blocks_total',
      help: 'Blocks that this process has decided: of an address, or of a pair of address and claimant.',
      labelNames: ['scope'],
      registers,
    }),
    events: new Counter({
      name: 'ingest_security_events_total',
      help: 'Security events that were reported, by kind.',
      labelNames: ['kind'],
      registers,
    }),
    eventsDropped: new Counter({
      name: 'ingest_security_events_dropped_total',
      help: 'Security events that could not be reported.',
      registers,
    }),
  };
}

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface IngestMetrics {
  /** By outcome: `accepted`, `registered`, `pending` or `read`, or a problem code. */
  readonly requests: Counter<'transport' | 'code'>;
  readonly readings: Counter;
  readonly requestSeconds: Histogram;
}

export interface IngestGauges {
  readonly connections: () => number;
  readonly inFlight: () => number;
  readonly verifyWaiting: () => number;
  readonly fullShards: () => number;
  readonly knownIdentities: () => number;
  readonly blocks: () => number;
  readonly suspects: () => number;
  readonly blockedNetworks: () => number;
  /** Undefined without a broker. */
  readonly mqttConnected: (() => number) | undefined;
}

export function createIngestMetrics(registry: Registry): IngestMetrics {
  const registers = [registry];
  return {
    requests: new Counter({
      name: 'ingest_requests_total',
      help: 'Messages by outcome: accepted, or the code of the problem.',
      labelNames: ['transport', 'code'],
      registers,
    }),
    readings: new Counter({ name: 'ingest_readings_total', help: 'Readings accepted.', registers }),
    requestSeconds: new Histogram({
      name: 'ingest_request_duration_seconds',
      help: 'From the header of a message to its reply.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
  };
}

/** Read when scraped, not kept up to date. */
export function registerIngestGauges(registry: Registry, gauges: IngestGauges): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  };
  gauge('ingest_connections', 'Connections of devices.', gauges.connections);
  gauge('ingest_in_flight_requests', 'Messages without a reply yet.', gauges.inFlight);
  gauge('ingest_full_shards', 'Shards that refuse because too much waits to be stored.', gauges.fullShards);
  gauge('verify_queue_depth', 'Envelopes that wait for a verify thread.', gauges.verifyWaiting);
  if (gauges.mqttConnected !== undefined) {
    gauge('ingest_mqtt_connections', 'Connections to the broker that are up.', gauges.mqttConnected);
  }
  gauge('ingest_known_identities', 'API keys and devices in the cache of the registry.', gauges.knownIdentities);
  gauge('ingest_blocked_sources', 'Addresses, and devices at addresses, that are blocked for failures.', gauges.blocks);
  gauge('ingest_suspects', 'Addresses, and devices at addresses, whose failures are counted.', gauges.suspects);
  gauge('ingest_blocked_networks', 'Networks that operators refuse, expired ones included.', gauges.blockedNetworks);
}

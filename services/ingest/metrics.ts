import type { Counter, Histogram, Registry } from 'prom-client';
import { MetricSet } from '../../platform/metrics/metric-set.ts';
import { CAPACITY_CAUSES } from './outcome.ts';

export interface IngestMetrics {
  /** By outcome: `accepted`, `registered`, `pending` or `read`, or a problem code. */
  readonly requests: Counter<'transport' | 'code'>;
  readonly readings: Counter;
  readonly requestSeconds: Histogram<'transport'>;
  readonly rateLimited: Counter<'policy'>;
  readonly reducedCapacity: Counter<'cause'>;
  readonly clockSkewSeconds: Histogram;
  readonly verifySeconds: Histogram;
  readonly admitSeconds: Histogram;
  readonly mqttRetries: Counter;
}

export interface IngestGauges {
  readonly connections: () => number;
  readonly inFlight: () => number;
  readonly verifyThreads: () => number;
  readonly verifyWaiting: () => number;
  readonly admitWaiting: () => number;
  readonly fullShards: () => number;
  readonly registryVersion: () => number;
  readonly knownIdentities: () => number;
  readonly knownAllowances: () => number;
  readonly blocks: () => number;
  readonly suspects: () => number;
  readonly blockedNetworks: () => number;
  /** Undefined without a broker. */
  readonly mqttConnected: (() => number) | undefined;
}

const REQUEST_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const STEP_S = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const SKEW_S = [-300, -30, -10, -3, -1, -0.3, 0, 0.3, 1, 3, 10, 30, 60, 300, 3600];

export function createIngestMetrics(registry: Registry): IngestMetrics {
  const metrics = new MetricSet(registry);
  return {
    requests: metrics.counter(
      'ingest_requests_total',
      'Messages by outcome: `accepted`, or the code of the problem; `registered`, `pending` and `read` for requests to the registry.',
      ['transport', 'code'],
    ),
    readings: metrics.counter('ingest_readings_total', 'Readings accepted.'),
    requestSeconds: metrics.histogram(
      'ingest_request_duration_seconds',
      'From the header of a message to its reply.',
      REQUEST_S,
      ['transport'],
    ),
    rateLimited: metrics.counter(
      'rate_limited_total',
      'Messages refused with `quota-exceeded`, by the policy that refused: of the device (`burst`, `sustained`), its `address`, or `overall`.',
      ['policy'],
    ),
    reducedCapacity: metrics.counterOf(
      'ingest_reduced_capacity_total',
      'Messages refused with `temporary-reduced-capacity`, by what was short.',
      'cause',
      CAPACITY_CAUSES,
    ),
    clockSkewSeconds: metrics.histogram(
      'clock_skew_seconds',
      'How far `created` of a message of a known device lay behind our clock; below 0 when it lay ahead. The way of the message is in it; what may have been held on it (JWS, COSE) is not counted.',
      SKEW_S,
    ),
    verifySeconds: metrics.histogram(
      'signature_verify_duration_seconds',
      'From handing a batch of up to 16 envelopes to a verify thread to its verdicts.',
      STEP_S,
    ),
    admitSeconds: metrics.histogram(
      'admit_duration_seconds',
      'From sending a batch of up to 64 envelopes to Redis to its reply: the log has them on disk then.',
      STEP_S,
    ),
    mqttRetries: metrics.counter(
      'ingest_mqtt_retries_total',
      'Messages of the broker that were refused for now and decided again a little later.',
    ),
  };
}

/** Read when scraped, not kept up to date. */
export function registerIngestGauges(registry: Registry, gauges: IngestGauges): void {
  const metrics = new MetricSet(registry);
  metrics.reading('ingest_connections', 'Connections of devices.', gauges.connections);
  metrics.reading('ingest_in_flight_requests', 'Messages without a reply yet.', gauges.inFlight);
  metrics.reading('ingest_full_shards', 'Shards that refuse because too much waits to be stored.', gauges.fullShards);
  metrics.reading('verify_threads', 'Threads that verify.', gauges.verifyThreads);
  metrics.reading('verify_queue_depth', 'Envelopes that wait for a verify thread.', gauges.verifyWaiting);
  metrics.reading('admit_queue_depth', 'Envelopes that wait for the log to take them.', gauges.admitWaiting);
  metrics.reading(
    'ingest_registry_version',
    'Version of the registry that this process judges by.',
    gauges.registryVersion,
  );
  if (gauges.mqttConnected !== undefined) {
    metrics.reading('ingest_mqtt_connections', 'Connections to the broker that are up.', gauges.mqttConnected);
  }
  metrics.reading(
    'ingest_known_identities',
    'API keys and devices in the cache of the registry.',
    gauges.knownIdentities,
  );
  metrics.reading(
    'ingest_rate_limit_allowances',
    'Devices and addresses whose allowance is not whole.',
    gauges.knownAllowances,
  );
  metrics.reading(
    'ingest_blocked_sources',
    'Addresses, and devices at addresses, that are blocked for failures.',
    gauges.blocks,
  );
  metrics.reading(
    'ingest_suspects',
    'Addresses, and devices at addresses, whose failures are counted.',
    gauges.suspects,
  );
  metrics.reading(
    'ingest_blocked_networks',
    'Networks that operators refuse, expired ones included.',
    gauges.blockedNetworks,
  );
}

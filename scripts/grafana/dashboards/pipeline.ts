import { createDashboard, labelVariable } from '../dashboard.ts';
import { quantiles, stat, timeSeries } from '../panels.ts';

/** From the devices to the database. */
export const pipeline = createDashboard({
  uid: 'telltale-pipeline',
  title: 'Telltale: pipeline',
  description: 'What comes in, how long it takes, and what waits.',
  from: 'now-1h',
  refresh: '10s',
  variables: [labelVariable('shard', 'Shard', 'detect_lag_seconds')],
  rows: [
    {
      title: 'Now',
      lines: [
        [
          stat({
            title: 'Accepted',
            description: 'Readings acknowledged to devices, a second.',
            unit: 'cps',
            queries: [{ expr: 'sum(rate(ingest_readings_total[$__rate_interval]))', legend: '' }],
          }),
          stat({
            title: 'Stored',
            description: 'Readings brought to the database, a second. Follows what is accepted.',
            unit: 'cps',
            queries: [
              {
                expr: 'sum(rate(persist_rows_total[$__rate_interval])) + sum(rate(persist_known_rows_total[$__rate_interval]))',
                legend: '',
              },
            ],
          }),
          stat({
            title: 'Refused',
            description: 'Part of what is sent. The dashboard "security" says as what.',
            unit: 'percentunit',
            queries: [
              {
                expr: 'sum(rate(ingest_requests_total{code!~"accepted|registered|pending|read"}[$__rate_interval])) / sum(rate(ingest_requests_total[$__rate_interval]))',
                legend: '',
              },
            ],
            steps: [
              [null, 'green'],
              [0.02, 'orange'],
              [0.1, 'red'],
            ],
          }),
          stat({
            title: 'Waits to be stored',
            description: 'Entries of all shards.',
            unit: 'short',
            queries: [{ expr: 'sum(stream_pending_entries{stream="readings"})', legend: '' }],
            steps: [
              [null, 'green'],
              [10_000, 'orange'],
              [100_000, 'red'],
            ],
          }),
          stat({
            title: 'Rules are behind',
            description: 'How late alerts are by it.',
            unit: 's',
            queries: [{ expr: 'max(detect_lag_seconds)', legend: '' }],
            steps: [
              [null, 'green'],
              [2, 'orange'],
              [5, 'red'],
            ],
          }),
          stat({
            title: 'Dead letters',
            description: 'Entries that cannot be stored and wait for somebody.',
            unit: 'short',
            queries: [{ expr: 'sum(dlq_waiting_entries)', legend: '' }],
            steps: [
              [null, 'green'],
              [1, 'red'],
            ],
          }),
        ],
      ],
    },
    {
      title: 'Ingest',
      lines: [
        [
          timeSeries({
            title: 'Messages by outcome',
            description: 'The same codes as in the replies.',
            unit: 'reqps',
            isStacked: true,
            queries: [{ expr: 'sum by (code) (rate(ingest_requests_total[$__rate_interval]))', legend: '{{code}}' }],
          }),
          timeSeries({
            title: 'Time to reply',
            description: 'From the header of a message to its reply, which comes when the log has it on disk.',
            unit: 's',
            queries: quantiles('ingest_request_duration_seconds', 'transport'),
          }),
          timeSeries({
            title: 'Told to come back',
            description: 'Messages answered 503, by what was short. Nothing is normal.',
            unit: 'reqps',
            queries: [
              { expr: 'sum by (cause) (rate(ingest_reduced_capacity_total[$__rate_interval]))', legend: '{{cause}}' },
            ],
          }),
        ],
        [
          timeSeries({
            title: 'Connections and messages under way',
            description: 'Of devices over HTTP, and of ingest to the broker.',
            unit: 'short',
            queries: [
              { expr: 'sum(ingest_connections)', legend: 'HTTP connections' },
              { expr: 'sum(ingest_in_flight_requests)', legend: 'messages without a reply' },
              { expr: 'sum(ingest_mqtt_connections) or vector(0)', legend: 'broker connections' },
              { expr: 'sum(rate(ingest_mqtt_retries_total[$__rate_interval]))', legend: 'MQTT retries a second' },
            ],
          }),
          timeSeries({
            title: 'Verification',
            description: 'A batch of up to 16 envelopes in a thread, and what waits for one.',
            unit: 's',
            queries: [
              ...quantiles('signature_verify_duration_seconds'),
              { expr: 'sum(verify_queue_depth)', legend: 'envelopes that wait (number)' },
            ],
          }),
          timeSeries({
            title: 'Admission',
            description: 'A batch of up to 64 envelopes in Redis, its sync to disk included, and what waits for one.',
            unit: 's',
            queries: [
              ...quantiles('admit_duration_seconds'),
              { expr: 'sum(admit_queue_depth)', legend: 'envelopes that wait (number)' },
            ],
          }),
        ],
      ],
    },
    {
      title: 'Worker',
      lines: [
        [
          timeSeries({
            title: 'Waits to be stored, by shard',
            description: 'Entries that are not acknowledged by the group that stores them.',
            unit: 'short',
            queries: [
              {
                expr: 'max by (shard) (stream_pending_entries{stream="readings", shard=~"$shard"})',
                legend: '{{shard}}',
              },
            ],
          }),
          timeSeries({
            title: 'Age of the oldest that waits',
            description: 'By stream: readings, alerts, requests of devices, security events.',
            unit: 's',
            queries: [{ expr: 'max by (stream) (stream_lag_seconds)', legend: '{{stream}}' }],
          }),
          timeSeries({
            title: 'Rules behind the log',
            description: 'By shard, and association behind the triggers. Below 2 s is normal.',
            unit: 's',
            queries: [
              { expr: 'max by (shard) (detect_lag_seconds{shard=~"$shard"})', legend: '{{shard}}' },
              { expr: 'max(associate_lag_seconds)', legend: 'association' },
            ],
          }),
        ],
        [
          timeSeries({
            title: 'A batch to its commit',
            description: 'Into the database.',
            unit: 's',
            queries: quantiles('persist_batch_duration_seconds'),
          }),
          timeSeries({
            title: 'Readings of a batch',
            description: 'Small ones are normal with little load.',
            unit: 'short',
            queries: quantiles('persist_batch_rows'),
          }),
          timeSeries({
            title: 'Database connections',
            description: 'By pool: `store` is for readings, `write` for the rest, `read` for the registry.',
            unit: 'short',
            queries: [
              { expr: 'sum by (pool) (postgres_pool_connections{state="used"})', legend: '{{pool}} used' },
              { expr: 'sum by (pool) (postgres_pool_waiting_requests)', legend: '{{pool}} waited for' },
            ],
          }),
        ],
        [
          timeSeries({
            title: 'Leases',
            description: 'What each worker works on.',
            unit: 'short',
            isStacked: true,
            queries: [{ expr: 'sum by (instance, lease) (leases_held)', legend: '{{instance}} {{lease}}' }],
          }),
          timeSeries({
            title: 'Loops that fail',
            description: 'Passes that were tried again. Nothing is normal.',
            unit: 'ops',
            queries: [{ expr: 'sum by (loop) (rate(loop_failures_total[$__rate_interval]))', legend: '{{loop}}' }],
          }),
          timeSeries({
            title: 'Registry',
            description: 'How old what services know of it may be, and requests of devices to change it.',
            unit: 's',
            queries: [
              { expr: 'min(projection_stale_seconds)', legend: 'projection' },
              {
                expr: 'max(registry_version) - min(ingest_registry_version)',
                legend: 'versions that ingest is behind (number)',
              },
            ],
          }),
        ],
      ],
    },
    {
      title: 'Processes',
      lines: [
        [
          timeSeries({
            title: 'Processor time',
            description: 'Cores. One is the most for the main thread; verify threads come on top.',
            unit: 'short',
            queries: [
              {
                expr: 'sum by (service, instance) (rate(process_cpu_seconds_total[$__rate_interval]))',
                legend: '{{service}} {{instance}}',
              },
            ],
          }),
          timeSeries({
            title: 'Event loop',
            description: 'How long something that is due waits, at the 99th percentile.',
            unit: 's',
            queries: [
              {
                expr: 'max by (service, instance) (nodejs_eventloop_lag_p99_seconds)',
                legend: '{{service}} {{instance}}',
              },
            ],
          }),
          timeSeries({
            title: 'Memory',
            description: 'Resident.',
            unit: 'bytes',
            queries: [
              {
                expr: 'max by (service, instance) (process_resident_memory_bytes)',
                legend: '{{service}} {{instance}}',
              },
            ],
          }),
          timeSeries({
            title: 'Connections to Redis',
            description: '1 is up.',
            unit: 'short',
            queries: [
              { expr: 'min by (service, connection) (redis_connection_up)', legend: '{{service}} {{connection}}' },
            ],
          }),
        ],
      ],
    },
  ],
});

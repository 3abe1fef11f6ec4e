/** Series as promtool reads them: `a+bxn` is a, then n times b more; one sample every 15 s. */
type Series = Readonly<Record<string, string>>;

export interface AlertCase {
  readonly alert: string;
  /** When it is looked at. */
  readonly at: string;
  readonly fires: Series;
  /** Labels of the alert, but for its severity. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What somebody who is woken reads. */
  readonly summary: string;
  /** Near the limit, or for too short a time. */
  readonly silent: readonly Series[];
}

const requests = (code: string): string => `ingest_requests_total{transport="http",code="${code}"}`;
const pending = 'stream_pending_entries{stream="readings",shard="3"}';
const redis = 'redis_connection_up{service="ingest",instance="i",connection="ingest"}';
const mqtt = 'ingest_mqtt_connections{instance="i"}';
const lag = 'nodejs_eventloop_lag_p99_seconds{service="ingest",instance="i"}';
const held = (lease: string, instance: string): string => `leases_held{lease="${lease}",instance="${instance}"}`;
const histogram = (name: string, ...buckets: readonly (readonly [string, string])[]): Series =>
  Object.fromEntries(buckets.map(([le, values]) => [`${name}_bucket{le="${le}"}`, values]));

const allHeld: Series = {
  [held('shard', 'a')]: '8x40',
  [held('shard', 'b')]: '8x40',
  [held('alerts', 'a')]: '0x40',
  [held('alerts', 'b')]: '1x40',
  log_shards: '16x40',
};

const allUp: Series = Object.fromEntries(
  ['ingest', 'worker', 'broadcaster'].map((job) => [`up{job="${job}",instance="${job}:1"}`, '1x400']),
);

export const ALERT_CASES: readonly AlertCase[] = [
  {
    alert: 'TelltaleServiceDown',
    at: '5m',
    fires: { ...allUp, 'up{job="ingest",instance="ingest:1"}': '1 0x30' },
    labels: { job: 'ingest', instance: 'ingest:1' },
    summary: 'ingest at ingest:1 does not answer',
    silent: [{ ...allUp, 'up{job="ingest",instance="ingest:1"}': '1x16 0 0 0 1x20' }, allUp],
  },
  {
    // What has no address any more is no target any more: as a container that has stopped.
    alert: 'TelltaleServiceDown',
    at: '10m',
    fires: { ...allUp, 'up{job="broadcaster",instance="broadcaster:1"}': '1x10 stale' },
    labels: { job: 'broadcaster' },
    summary: 'broadcaster at no address does not answer',
    silent: [],
  },
  {
    alert: 'TelltaleServiceDown',
    at: '10m',
    fires: { ...allUp, 'up{job="worker",instance="worker:2"}': '1x20 stale' },
    labels: { job: 'worker', instance: 'one that was there' },
    summary: 'worker at one that was there does not answer',
    silent: [{ ...allUp, 'up{job="worker",instance="worker:2"}': '1x38 stale' }],
  },
  {
    alert: 'TelltaleRestarts',
    at: '15m',
    fires: { 'process_start_time_seconds{job="worker",instance="w"}': '1x10 2x10 3x10 4x40' },
    labels: { job: 'worker', instance: 'w' },
    summary: 'worker at w has begun anew 3 times within 15 minutes',
    silent: [{ 'process_start_time_seconds{job="worker",instance="w"}': '1x20 2x60' }],
  },
  {
    alert: 'TelltaleRulesFail',
    at: '3m',
    fires: { 'loop_up{loop="detect",instance="w"}': '0x30', 'loop_up{loop="retention",instance="w"}': '0x30' },
    labels: { loop: 'detect', instance: 'w' },
    summary: 'the loop "detect" of the worker at w fails: alerts do not come',
    silent: [{ 'loop_up{loop="detect",instance="w"}': '1x11 0 1x30' }],
  },
  {
    alert: 'TelltaleRedisDown',
    at: '3m',
    fires: { [redis]: '1 0x30' },
    labels: { service: 'ingest', instance: 'i', connection: 'ingest' },
    summary: 'ingest at i has no Redis (connection ingest)',
    silent: [{ [redis]: '1x11 0 1x30' }],
  },
  {
    alert: 'TelltaleLoopFails',
    at: '5m',
    fires: { 'loop_up{loop="retention",instance="w"}': '0x30' },
    labels: { loop: 'retention', instance: 'w' },
    summary: 'the loop "retention" of the worker at w fails',
    silent: [{ 'loop_up{loop="retention",instance="w"}': '1x15 0 0 0 0 0 1x30' }],
  },
  {
    alert: 'TelltaleBacklog',
    at: '5m',
    fires: { [pending]: '20000x30' },
    labels: { stream: 'readings', shard: '3' },
    summary: '20000 entries of readings/3 wait to be stored',
    silent: [{ [pending]: '16384x30' }, { [pending]: '0x17 20000 20000 20000 0x30' }],
  },
  {
    alert: 'TelltaleLogFull',
    at: '2m',
    fires: { 'ingest_full_shards{instance="i"}': '2x30' },
    labels: { instance: 'i' },
    summary: '2 shards are full: devices are told to come back',
    silent: [{ 'ingest_full_shards{instance="i"}': '0x7 1 0x30' }],
  },
  {
    alert: 'TelltaleStorageLag',
    at: '4m',
    fires: { 'stream_lag_seconds{stream="alerts",shard=""}': '90x30' },
    labels: { stream: 'alerts' },
    summary: 'what is in alerts has waited for 1m 30s to be stored',
    silent: [{ 'stream_lag_seconds{stream="alerts",shard=""}': '59x30' }],
  },
  {
    alert: 'TelltaleDetectionLag',
    at: '3m',
    fires: { 'detect_lag_seconds{shard="1"}': '8x30', associate_lag_seconds: '0x30' },
    summary: 'rules are 8s behind the log: alerts are late by that',
    silent: [
      { 'detect_lag_seconds{shard="1"}': '4x30', associate_lag_seconds: '2x30' },
      { 'detect_lag_seconds{shard="1"}': '0x11 9 0x30' },
    ],
  },
  {
    alert: 'TelltaleRejections',
    at: '20m',
    fires: { [requests('accepted')]: '0+60x100', [requests('schema-invalid')]: '0+60x100' },
    summary: '50% of what is sent is refused',
    silent: [
      { [requests('accepted')]: '0+600x100', [requests('schema-invalid')]: '0+60x100' },
      { [requests('schema-invalid')]: '0+1x100' },
      { [requests('accepted')]: '0+60x100', [requests('registered')]: '0+600x100', [requests('pending')]: '0+60x100' },
    ],
  },
  {
    alert: 'TelltaleForgeries',
    at: '20m',
    fires: { [requests('signature-invalid')]: '0+30x100' },
    labels: { code: 'signature-invalid' },
    summary: '2 messages a second are refused as signature-invalid',
    silent: [{ [requests('signature-invalid')]: '0+10x100', [requests('quota-exceeded')]: '0+900x100' }],
  },
  {
    alert: 'TelltaleReducedCapacity',
    at: '10m',
    fires: { 'ingest_reduced_capacity_total{cause="log-unwritable"}': '0+15x100' },
    labels: { cause: 'log-unwritable' },
    summary: 'devices are told to come back: log-unwritable',
    silent: [{ 'ingest_reduced_capacity_total{cause="log-unwritable"}': '0x30 2x100' }],
  },
  {
    alert: 'TelltaleDeadLetters',
    at: '10m',
    fires: { 'dlq_waiting_entries{shard="0"}': '2x50', 'dlq_waiting_entries{shard="1"}': '1x50' },
    summary: '3 entries cannot be stored and wait for somebody',
    silent: [{ 'dlq_waiting_entries{shard="0"}': '0x50' }, { 'dlq_waiting_entries{shard="0"}': '0x25 1x10 0x20' }],
  },
  {
    alert: 'TelltaleSilentZone',
    at: '70m',
    fires: { 'zone_packs_total{zone="harbour"}': '0+10x80 800x250', 'zone_packs_total{zone="coast"}': '0+10x300' },
    labels: { zone: 'harbour' },
    summary: 'nothing comes from the zone harbour any more',
    silent: [
      { 'zone_packs_total{zone="harbour"}': '0+1x300' },
      // Heard every quarter of an hour.
      { 'zone_packs_total{zone="harbour"}': '0x59 50x59 100x59 150x59 200x59 250x59' },
      // Its worker was replaced: another process counts from 0.
      {
        'zone_packs_total{zone="harbour",instance="a"}': '0+10x80 _x200',
        'zone_packs_total{zone="harbour",instance="b"}': '_x80 0+10x200',
      },
    ],
  },
  {
    alert: 'TelltaleClocksRefused',
    at: '25m',
    fires: { [requests('accepted')]: '0+95x120', [requests('timestamp-skew')]: '0+5x120' },
    summary: '5% of what is sent has a clock that is too far off',
    silent: [{ [requests('accepted')]: '0+995x120', [requests('timestamp-skew')]: '0+5x120' }],
  },
  {
    alert: 'TelltaleOwnClock',
    at: '20m',
    fires: {
      ...histogram('clock_skew_seconds', ['3', '0x100'], ['10', '0+100x100'], ['+Inf', '0+100x100']),
      clock_skew_seconds_count: '0+100x100',
    },
    summary: 'half of what devices send is 6.5 s behind this server: its own clock is off',
    // A third of them is wrong, the server is not.
    silent: [histogram('clock_skew_seconds', ['0', '0x100'], ['0.3', '0+66x100'], ['+Inf', '0+100x100'])],
  },
  {
    alert: 'TelltaleNoLeader',
    at: '5m',
    fires: { ...allHeld, [held('triggers', 'a')]: '0x40' },
    labels: { lease: 'triggers' },
    summary: 'nobody works on triggers',
    silent: [allHeld],
  },
  {
    alert: 'TelltaleNoLeader',
    at: '5m',
    fires: { ...allHeld, [held('shard', 'b')]: '7x40' },
    summary: 'nobody works on some of the shards',
    silent: [{ ...allHeld, [held('shard', 'b')]: '8x19 7 8x40' }],
  },
  {
    alert: 'TelltaleNoLeader',
    at: '5m',
    fires: { 'up{job="worker",instance="w"}': '0x40' },
    summary: 'nobody works on some of the shards',
    silent: [],
  },
  {
    alert: 'TelltaleProjectionStale',
    at: '5m',
    fires: { 'projection_stale_seconds{instance="a"}': '40x40', 'projection_stale_seconds{instance="b"}': '50x40' },
    summary: 'what was changed in the registry 40s ago does not count yet',
    silent: [{ 'projection_stale_seconds{instance="a"}': '900x40', 'projection_stale_seconds{instance="b"}': '0x40' }],
  },
  {
    alert: 'TelltaleBroadcasterDeaf',
    at: '2m',
    fires: { 'alert_stream_up{instance="b"}': '1 0x40' },
    labels: { instance: 'b' },
    summary: 'the broadcaster at b does not hear what is decided',
    silent: [{ 'alert_stream_up{instance="b"}': '1x7 0 1x40' }],
  },
  {
    alert: 'TelltaleAlertsLost',
    at: '5m',
    fires: { 'ws_stream_resets_total{instance="b"}': '0x5 1x40' },
    labels: { instance: 'b' },
    summary: 'the stream of alerts has lost what subscribers of b were told',
    silent: [{ 'ws_stream_resets_total{instance="b"}': '1x40' }],
  },
  {
    alert: 'TelltaleGaps',
    at: '25m',
    fires: { 'alert_gaps_total{reason="too-old"}': '0+3x120' },
    labels: { reason: 'too-old' },
    summary: 'subscribers that come back are told of gaps: too-old',
    silent: [{ 'alert_gaps_total{reason="too-old"}': '0+1x120' }],
  },
  {
    alert: 'TelltaleSlowSubscribers',
    at: '20m',
    fires: { ws_slow_consumer_closed_total: '0+30x100' },
    summary: '2 subscribers a second are closed because they do not read',
    silent: [{ ws_slow_consumer_closed_total: '0+5x100' }],
  },
  {
    alert: 'TelltaleAlertsLate',
    at: '20m',
    fires: {
      ...histogram('alert_decision_seconds', ['1', '0x100'], ['2', '0+10x100'], ['+Inf', '0+10x100']),
      alert_decision_seconds_count: '0+10x100',
    },
    summary: 'alerts take 1.99s',
    silent: [
      histogram('alert_decision_seconds', ['0.1', '0+10x100'], ['+Inf', '0+10x100']),
      histogram('alert_delivery_seconds', ['0.1', '0+10x100'], ['+Inf', '0+10x100']),
      // One that was late is no fault of the platform's yet.
      {
        ...histogram('alert_decision_seconds', ['1', '0x100'], ['2', '0x50 1x100'], ['+Inf', '0x50 1x100']),
        alert_decision_seconds_count: '0x50 1x100',
      },
    ],
  },
  {
    alert: 'TelltaleLogLost',
    at: '10m',
    fires: { log_lost_entries_total: '0x10 60x40' },
    summary: 'acknowledged entries were lost with their log',
    silent: [{ log_lost_entries_total: '60x50' }],
  },
  {
    alert: 'TelltaleLeasesLost',
    at: '10m',
    fires: { 'leases_lost_total{instance="w"}': '0x10 2x40' },
    labels: { instance: 'w' },
    summary: 'the worker at w stands still for seconds at a time',
    silent: [{ 'leases_lost_total{instance="w"}': '2x50' }],
  },
  {
    alert: 'TelltaleSecurityEventsDropped',
    at: '10m',
    fires: { 'ingest_security_events_dropped_total{instance="i"}': '0x10 7x40' },
    labels: { instance: 'i' },
    summary: 'security events of i are not on record',
    silent: [{ 'ingest_security_events_dropped_total{instance="i"}': '7x50' }],
  },
  {
    alert: 'TelltaleBrokerDown',
    at: '3m',
    fires: { [mqtt]: '0x40' },
    labels: { instance: 'i' },
    summary: 'i has no connection to the MQTT broker',
    silent: [{ [mqtt]: '31x40' }, { [mqtt]: '32x11 0 32x40' }],
  },
  {
    alert: 'TelltaleLoginsStale',
    at: '5m',
    fires: {
      'broker_logins_stale_seconds{instance="b"}': '0+15x30',
      'up{job="broker-logins",instance="b"}': '1x30',
    },
    labels: { instance: 'b' },
    summary: 'the logins of the MQTT broker do not follow the registry: b',
    silent: [
      { 'broker_logins_stale_seconds{instance="b"}': '9x30', 'up{job="broker-logins",instance="b"}': '1x30' },
      { 'broker_logins_stale_seconds{instance="b"}': '0x15 15 30 45 60 75 0x30' },
      // Nobody scrapes one: there is no MQTT.
      allUp,
    ],
  },
  {
    alert: 'TelltaleLoginsStale',
    at: '5m',
    fires: { 'up{job="broker-logins",instance="b"}': '1x10 0x30' },
    labels: { instance: 'b' },
    summary: 'the logins of the MQTT broker do not follow the registry: b',
    silent: [{ 'up{job="broker-logins",instance="b"}': '1x16 0 0 1x30' }],
  },
  {
    alert: 'TelltaleBusy',
    at: '10m',
    fires: { [lag]: '0.7x60' },
    labels: { service: 'ingest', instance: 'i' },
    summary: 'ingest at i has more to do than one core can',
    silent: [{ [lag]: '0.2x60' }],
  },
];

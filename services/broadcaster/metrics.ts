import type { Counter, Histogram, Registry } from 'prom-client';
import { gapReasonSchema } from '../../contracts/alert-stream.ts';
import { MetricSet } from '../../platform/metrics/metric-set.ts';

export interface BroadcasterMetrics {
  readonly published: Counter;
  readonly caughtUp: Counter;
  readonly resets: Counter;
  readonly foreignMessages: Counter;
  readonly deliverySeconds: Histogram;
  readonly slowConsumersClosed: Counter;
  readonly refused: Counter<'reason'>;
  readonly authentications: Counter<'outcome'>;
  readonly messages: Counter<'type'>;
  readonly errors: Counter<'code'>;
  readonly closed: Counter<'code'>;
  readonly resumes: Counter<'outcome'>;
  readonly gaps: Counter<'reason'>;
}

export interface BroadcasterSizes {
  readonly sockets: () => number;
  readonly eventStreams: () => number;
  readonly filterSets: () => number;
  readonly window: () => number;
  readonly active: () => number;
  readonly waiting: () => number;
  readonly isAlive: () => boolean;
}

const DELIVERY_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30];

export function createBroadcasterMetrics(registry: Registry): BroadcasterMetrics {
  const metrics = new MetricSet(registry);
  return {
    published: metrics.counter('ws_alerts_published_total', 'Transitions handed to the fan-out.'),
    caughtUp: metrics.counter(
      'ws_alerts_caught_up_total',
      'Transitions that came from the stream, because they were not heard when they were published.',
    ),
    resets: metrics.counter(
      'ws_stream_resets_total',
      'Times that the stream of alerts had lost what subscribers were told.',
    ),
    foreignMessages: metrics.counter(
      'ws_foreign_messages_total',
      'Messages on the alert channel and entries of the stream that are no transitions and were not forwarded.',
    ),
    deliverySeconds: metrics.histogram(
      'alert_delivery_seconds',
      'From the decision of a transition to its fan-out by this process.',
      DELIVERY_S,
    ),
    slowConsumersClosed: metrics.counter(
      'ws_slow_consumer_closed_total',
      'Subscribers closed because they did not read.',
    ),
    refused: metrics.counter('ws_refused_total', 'Connections refused, by reason.', ['reason']),
    authentications: metrics.counter(
      'ws_authentications_total',
      'Tokens checked, by outcome: `accepted` or the code.',
      ['outcome'],
    ),
    messages: metrics.counter('ws_messages_total', 'Messages of subscribers, by type.', ['type']),
    errors: metrics.counter('ws_errors_total', 'Errors told to subscribers, by code.', ['code']),
    closed: metrics.counter('ws_closed_total', 'WebSocket connections that ended, by close code (RFC 6455).', ['code']),
    resumes: metrics.counter(
      'ws_resume_total',
      'Subscribers that came back to a place in the stream: `complete`, or why there is a gap.',
      ['outcome'],
    ),
    gaps: metrics.counterOf(
      'alert_gaps_total',
      'Gaps told to subscribers, by reason.',
      'reason',
      gapReasonSchema.options,
    ),
  };
}

/** Read when scraped, not kept up to date. */
export function registerBroadcasterSizes(registry: Registry, sizes: BroadcasterSizes): void {
  const metrics = new MetricSet(registry);
  metrics.reading('ws_connections', 'WebSocket subscribers connected.', sizes.sockets);
  metrics.reading('sse_connections', 'Subscribers of server-sent events connected.', sizes.eventStreams);
  metrics.reading('ws_waiting_connections', 'Connections that wait for their turn to be let in.', sizes.waiting);
  metrics.reading('ws_filter_sets', 'Distinct filter sets that subscribers have.', sizes.filterSets);
  metrics.reading(
    'alert_window_transitions',
    'Transitions that a subscriber who comes back can be told of.',
    sizes.window,
  );
  metrics.reading('alerts_active', 'Alerts that are active.', sizes.active);
  metrics.reading('alert_stream_up', '1 while this broadcaster hears what is decided, else 0.', () =>
    sizes.isAlive() ? 1 : 0,
  );
}

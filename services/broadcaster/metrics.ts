import { Counter, Gauge, type Registry } from 'prom-client';

export interface BroadcasterMetrics {
  readonly published: Counter;
  readonly caughtUp: Counter;
  readonly resets: Counter;
  readonly foreignMessages: Counter;
  readonly slowConsumersClosed: Counter;
  readonly refused: Counter<'reason'>;
}

export interface BroadcasterSizes {
  readonly sockets: () => number;
  readonly eventStreams: () => number;
  readonly filterSets: () => number;
  readonly window: () => number;
  readonly active: () => number;
  readonly waiting: () => number;
}

export function createBroadcasterMetrics(registry: Registry, sizes: BroadcasterSizes): BroadcasterMetrics {
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
  gauge('ws_connections', 'WebSocket subscribers connected.', sizes.sockets);
  gauge('sse_connections', 'Subscribers of server-sent events connected.', sizes.eventStreams);
  gauge('ws_waiting_connections', 'Connections that wait for their turn to be let in.', sizes.waiting);
  gauge('ws_filter_sets', 'Distinct filter sets that subscribers have.', sizes.filterSets);
  gauge('alert_window_transitions', 'Transitions that a subscriber who comes back can be told of.', sizes.window);
  gauge('alerts_active', 'Alerts that are active.', sizes.active);
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  return {
    published: counter('ws_alerts_published_total', 'Transitions handed to the fan-out.'),
    caughtUp: counter('ws_alerts_caught_up_total', 'Transitions that came from the stream, for they were not heard.'),
    resets: counter('ws_stream_resets_total', 'Times that the stream of alerts had lost what subscribers were told.'),
    foreignMessages: counter(
      'ws_foreign_messages_total',
      'Messages on the alert channel and entries of the stream that are no transitions and were not forwarded.',
    ),
    slowConsumersClosed: counter('ws_slow_consumer_closed_total', 'Subscribers closed because they did not read.'),
    refused: new Counter({
      name: 'ws_refused_total',
      help: 'Connections refused, by reason.',
      labelNames: ['reason'],
      registers,
    }),
  };
}

import { Counter, Gauge, type Registry } from 'prom-client';

export interface BroadcasterMetrics {
  readonly published: Counter;
  readonly foreignMessages: Counter;
  readonly slowConsumersClosed: Counter;
}

export function createBroadcasterMetrics(registry: Registry, connections: () => number): BroadcasterMetrics {
  const registers = [registry];
  new Gauge({
    name: 'ws_connections',
    help: 'Subscribers connected.',
    registers,
    collect() {
      this.set(connections());
    },
  });
  return {
    published: new Counter({
      name: 'ws_alerts_published_total',
      help: 'Alert frames handed to the fan-out.',
      registers,
    }),
    foreignMessages: new Counter({
      name: 'ws_foreign_messages_total',
      help: 'Messages on the alert channel that are no alert frames and were not forwarded.',
      registers,
    }),
    slowConsumersClosed: new Counter({
      name: 'ws_slow_consumer_closed_total',
      help: 'Subscribers closed because they did not read.',
      registers,
    }),
  };
}

import type { TemplatedApp, WebSocket } from '../../platform/http/uws.ts';
import type { BroadcasterMetrics } from './metrics.ts';

const PATH = '/ws/alerts';
const TOPIC = 'alerts';
/** A subscriber that is this far behind is closed: it comes back and is told what it missed, where memory would only grow. */
const MAX_BACKPRESSURE_BYTES = 64 * 1024;
const MAX_MESSAGE_BYTES = 4096;
const IDLE_TIMEOUT_S = 60;
const GOING_AWAY_FOR_RESTART = 1012;

type SubscriberData = Record<string, never>;

/** The sockets of `/ws/alerts`. The fan-out is native: one topic, one publish. */
export class AlertSockets {
  readonly #app: TemplatedApp;
  readonly #metrics: BroadcasterMetrics;
  readonly #sockets = new Set<WebSocket<SubscriberData>>();
  /** Beyond the limit and about to be closed: until then every further message is reported as dropped. */
  readonly #slow = new WeakSet<WebSocket<SubscriberData>>();

  constructor(app: TemplatedApp, metrics: BroadcasterMetrics) {
    this.#app = app;
    this.#metrics = metrics;
    app.ws<SubscriberData>(PATH, {
      maxPayloadLength: MAX_MESSAGE_BYTES,
      maxBackpressure: MAX_BACKPRESSURE_BYTES,
      // Without this the messages beyond the limit would be skipped in silence.
      closeOnBackpressureLimit: 1,
      idleTimeout: IDLE_TIMEOUT_S,
      sendPingsAutomatically: true,
      open: (socket) => {
        this.#sockets.add(socket);
        socket.subscribe(TOPIC);
      },
      // Nothing may be ended or closed in here: that is a bus error. The limit closes the socket by itself.
      dropped: (socket) => {
        if (this.#slow.has(socket)) return;
        this.#slow.add(socket);
        this.#metrics.slowConsumersClosed.inc();
      },
      close: (socket) => {
        this.#sockets.delete(socket);
      },
    });
  }

  get size(): number {
    return this.#sockets.size;
  }

  publish(frame: string): void {
    this.#metrics.published.inc();
    this.#app.publish(TOPIC, frame, false, false);
  }

  close(): void {
    for (const socket of [...this.#sockets]) socket.end(GOING_AWAY_FOR_RESTART, 'service restart');
  }
}

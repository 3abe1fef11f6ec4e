import { BEARER_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from '../../../contracts/alert-stream.ts';
import {
  compressionOf,
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type WebSocket,
} from '../../../platform/http/uws.ts';
import type { BroadcasterMetrics } from '../metrics.ts';
import type { AlertEntry } from '../stream/alert-entry.ts';
import type { FilterSet } from '../delivery/filter-sets.ts';
import type { Passage } from '../../../core/alerts/alert-filter.ts';
import { SocketSession, type SessionContext, type SocketData } from './socket-session.ts';

const PATH = '/ws/alerts';
/** A subscriber that is this far behind is closed: it comes back and is told what it missed, where memory would only grow. */
const MAX_BACKPRESSURE_BYTES = 64 * 1024;
/** Beyond it uWebSockets ends the connection without a word: our own limit, which has a close code, is far below. */
const MAX_MESSAGE_BYTES = 64 * 1024;
const IDLE_TIMEOUT_S = 60;

export interface AlertSocketsOptions {
  readonly app: TemplatedApp;
  readonly session: SessionContext;
  /** By permessage-deflate, for clients that offer it. */
  readonly isCompressed: boolean;
  readonly metrics: BroadcasterMetrics;
}

/** The sockets of `/ws/alerts`. The fan-out is native: one topic and one publish for each filter set. */
export class AlertSockets {
  readonly #options: AlertSocketsOptions;
  readonly #sockets = new Set<WebSocket<SocketData>>();
  /** Those with whom time alone does something. */
  readonly #looked = new Set<SocketSession>();
  /** Beyond the limit and about to be closed: until then every further message is reported as dropped. */
  readonly #slow = new WeakSet<WebSocket<SocketData>>();

  constructor(options: AlertSocketsOptions) {
    this.#options = options;
    const { app, session: context, metrics } = options;
    app.ws<SocketData>(PATH, {
      compression: compressionOf(options.isCompressed),
      maxPayloadLength: MAX_MESSAGE_BYTES,
      maxBackpressure: MAX_BACKPRESSURE_BYTES,
      // Without this the messages beyond the limit would be skipped in silence.
      closeOnBackpressureLimit: 1,
      idleTimeout: IDLE_TIMEOUT_S,
      sendPingsAutomatically: true,
      upgrade: (response, request, handle) => this.#upgrade(response, request, handle),
      open: (socket) => {
        this.#sockets.add(socket);
        const data = socket.getUserData();
        data.session = new SocketSession(socket, context);
        const { token } = data;
        data.token = undefined;
        this.#looked.add(data.session);
        data.session.open(token, data.isOfOurProtocol);
      },
      message: (socket, message, isBinary) => socket.getUserData().session?.receive(message, isBinary),
      ping: (socket) => socket.getUserData().session?.pinged(),
      drain: (socket) => socket.getUserData().session?.drained(),
      // Nothing may be ended or closed in here: that is a bus error. The limit closes the socket by itself.
      dropped: (socket) => {
        if (this.#slow.has(socket)) return;
        this.#slow.add(socket);
        metrics.slowConsumersClosed.inc();
      },
      close: (socket, code) => {
        metrics.closed.inc({ code: labelOf(code) });
        const { session, address } = socket.getUserData();
        this.#sockets.delete(socket);
        if (session !== undefined) this.#looked.delete(session);
        session?.closed();
        context.gate.limits.release(address);
      },
    });
  }

  get size(): number {
    return this.#sockets.size;
  }

  publish(set: FilterSet, entry: AlertEntry, passage: Passage): void {
    const { app, isCompressed } = this.#options;
    app.publish(set.key, entry.message(passage), false, isCompressed);
  }

  /** To those who are live: whoever is not hears something anyway, or is ended. */
  heartbeat(set: FilterSet, text: string): void {
    this.#options.app.publish(set.key, text, false, false);
  }

  look(): void {
    const nowMs = performance.now();
    for (const session of this.#looked) if (!session.look(nowMs)) this.#looked.delete(session);
  }

  reset(): void {
    for (const socket of this.#sockets) socket.getUserData().session?.reset();
  }

  /** @param spreadMs over which the clients come back */
  close(spreadMs: number): void {
    for (const socket of [...this.#sockets]) {
      socket.getUserData().session?.restart(Math.round(Math.random() * spreadMs));
    }
  }

  #upgrade(response: HttpResponse, request: HttpRequest, context: Parameters<HttpResponse['upgrade']>[4]): void {
    // The request is gone once the connection has to wait.
    const offered = request
      .getHeader('sec-websocket-protocol')
      .split(',')
      .map((each) => each.trim());
    const token = offered.find((each) => each.startsWith(BEARER_SUBPROTOCOL_PREFIX));
    const isOfOurProtocol = offered.includes(SUBPROTOCOL);
    const key = request.getHeader('sec-websocket-key');
    const extensions = request.getHeader('sec-websocket-extensions');
    this.#options.session.gate.admit(response, request, {
      onGone: (callback) => void response.onAborted(callback),
      refuse: ({ status, detail, afterS }) => {
        response.cork(() => {
          response.writeStatus(status).writeHeader('content-type', 'text/plain; charset=utf-8');
          if (afterS !== undefined) response.writeHeader('retry-after', String(afterS));
          response.end(`${detail}\n`);
        });
      },
      proceed: (address) => {
        const data: SocketData = {
          address,
          token: token?.slice(BEARER_SUBPROTOCOL_PREFIX.length),
          isOfOurProtocol,
          session: undefined,
        };
        // A token is never told back.
        const protocol = isOfOurProtocol ? SUBPROTOCOL : '';
        response.cork(() => response.upgrade(data, key, protocol, extensions, context));
      },
    });
  }
}

/** Close codes of RFC 6455; a client may end a connection with any number. */
function labelOf(code: number): string {
  return code >= 1000 && code <= 1015 ? String(code) : 'other';
}

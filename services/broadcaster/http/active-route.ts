import type { TemplatedApp } from '../../../platform/http/uws.ts';
import type { Gate } from '../access/gate.ts';
import type { AlertStream } from '../stream/alert-stream.ts';
import { Exchange } from './exchange.ts';
import { parseFilterQuery } from './filter-query.ts';

const JSON_TYPE = 'application/json';

/** `GET /v1/alerts/active`: what is active, and up to which place in the stream that is so. */
export function addActiveRoute(app: TemplatedApp, stream: AlertStream, gate: Gate): void {
  app.get('/v1/alerts/active', (response, request) => {
    const exchange = new Exchange(response, request, gate);
    void (async () => {
      const query = parseFilterQuery(exchange.query);
      if (!query.ok) return exchange.refuse('400 Bad Request', query.detail);
      if ((await exchange.authorize()) === undefined) return;
      if (!stream.alive) {
        return exchange.refuse('503 Service Unavailable', 'what is decided is not heard here at the moment; try again');
      }
      const { epoch, end } = stream.window;
      const place = `"epoch":"${epoch}","cursor":"${end.ms}-${end.seq}"`;
      exchange.end('200 OK', JSON_TYPE, `{${place},"alerts":[${stream.active.bodies(query.filters).join(',')}]}`);
    })();
  });
}

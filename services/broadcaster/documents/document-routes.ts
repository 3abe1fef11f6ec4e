import type { HttpRequest, HttpResponse, TemplatedApp } from '../../../platform/http/uws.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import type { Gate } from '../access/gate.ts';
import { Exchange } from '../http/exchange.ts';
import type { AlertDocuments } from './alert-documents.ts';

const ATOM = 'application/atom+xml; charset=utf-8';
const CAP = 'application/cap+xml; charset=utf-8';

/** `GET /v1/alerts/feed.atom` and `GET /v1/alerts/{alert_id}/cap`. */
export function addDocumentRoutes(app: TemplatedApp, documents: AlertDocuments, gate: Gate, log: Logger): void {
  const serve = (type: string, read: (id: string) => Promise<string | Buffer | undefined>) => {
    return (response: HttpResponse, request: HttpRequest): void => {
      const exchange = new Exchange(response, request, gate);
      void answer(exchange, type, read, log);
    };
  };
  app.get(
    '/v1/alerts/feed.atom',
    serve(ATOM, () => documents.feed()),
  );
  app.get(
    '/v1/alerts/:id/cap',
    serve(CAP, (id) => documents.cap(id)),
  );
}

async function answer(
  exchange: Exchange,
  type: string,
  read: (id: string) => Promise<string | Buffer | undefined>,
  log: Logger,
): Promise<void> {
  if ((await exchange.authorize()) === undefined) return;
  try {
    const body = await read(exchange.parameter);
    if (body === undefined) exchange.refuse('404 Not Found', 'no alert has this id, or it ended more than an hour ago');
    else exchange.end('200 OK', type, body);
  } catch (error) {
    log.warn({ err: error }, 'the alerts cannot be read');
    exchange.refuse('503 Service Unavailable', 'the alerts cannot be read; try again');
  }
}

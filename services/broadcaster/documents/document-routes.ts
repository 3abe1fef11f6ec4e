import type { HttpResponse, TemplatedApp } from '../../platform/http/uws.ts';
import type { Logger } from '../../platform/log/logger.ts';
import type { AlertDocuments } from './alert-documents.ts';

const ATOM = 'application/atom+xml; charset=utf-8';
const CAP = 'application/cap+xml; charset=utf-8';
const TEXT = 'text/plain; charset=utf-8';

/** `GET /v1/alerts/feed.atom` and `GET /v1/alerts/{alert_id}/cap`. */
export function addDocumentRoutes(app: TemplatedApp, documents: AlertDocuments, log: Logger): void {
  app.get('/v1/alerts/feed.atom', (response) => answer(response, ATOM, documents.feed(), log));
  app.get('/v1/alerts/:id/cap', (response, request) => {
    answer(response, CAP, documents.cap(request.getParameter(0)), log);
  });
}

function answer(
  response: HttpResponse,
  type: string,
  document: Promise<string | Buffer | undefined>,
  log: Logger,
): void {
  let isGone = false;
  response.onAborted(() => {
    isGone = true;
  });
  const end = (status: string, contentType: string, body: string | Buffer): void => {
    if (isGone) return;
    response.cork(() => {
      response
        .writeStatus(status)
        .writeHeader('content-type', contentType)
        .writeHeader('cache-control', 'no-cache')
        .end(body);
    });
  };
  document.then(
    (body) => {
      if (body === undefined) end('404 Not Found', TEXT, 'no alert has this id, or it ended more than an hour ago\n');
      else end('200 OK', type, body);
    },
    (error: unknown) => {
      log.warn({ err: error }, 'the alerts cannot be read');
      end('503 Service Unavailable', TEXT, 'the alerts cannot be read; try again\n');
    },
  );
}

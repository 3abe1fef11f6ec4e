import type { HttpResponse, TemplatedApp } from '../../../platform/http/uws.ts';

/** What anybody may ask: the time, for a device without a clock, and whether the service works, for a load balancer. */
export function addPublicRoutes(app: TemplatedApp, unready: () => readonly string[]): void {
  app.get('/v1/time', (response) => {
    // Unsigned: a forged time gets a device's envelopes refused, and nothing else.
    answer(response, '200 OK', 'application/json', JSON.stringify({ server_time: Date.now() / 1000 }));
  });
  app.get('/healthz', (response) => answer(response, '200 OK', TEXT, 'ok\n'));
  app.get('/readyz', (response) => {
    const missing = unready();
    if (missing.length === 0) answer(response, '200 OK', TEXT, 'ready\n');
    else answer(response, '503 Service Unavailable', TEXT, `${missing.join('\n')}\n`);
  });
}

const TEXT = 'text/plain; charset=utf-8';

function answer(response: HttpResponse, status: string, type: string, body: string): void {
  response.cork(() => {
    response.writeStatus(status).writeHeader('Content-Type', type).writeHeader('Cache-Control', 'no-store').end(body);
  });
}

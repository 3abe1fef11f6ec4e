import type { TemplatedApp } from '../../../platform/http/uws.ts';
import type { Gate } from '../access/gate.ts';

const PATHS = ['/v1/alerts/*', '/alerts/stream'];
const KNOWN_FOR_S = 600;

/** Browsers ask before they send a token to another origin (Fetch Standard, CORS preflight). */
export function addPreflight(app: TemplatedApp, gate: Gate): void {
  for (const path of PATHS) {
    app.options(path, (response, request) => {
      const origin = gate.allowedOrigin(request);
      response.writeStatus('204 No Content');
      if (origin !== undefined) {
        response
          .writeHeader('access-control-allow-origin', origin)
          .writeHeader('access-control-allow-methods', 'GET')
          .writeHeader('access-control-allow-headers', 'authorization, last-event-id')
          .writeHeader('access-control-max-age', String(KNOWN_FOR_S))
          .writeHeader('vary', 'Origin');
      }
      response.endWithoutBody(0, false);
    });
  }
}

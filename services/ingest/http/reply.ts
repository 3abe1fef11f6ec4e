import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from '../../../platform/http/uws.ts';
import { problemOf } from '../../../contracts/problem.ts';
import { formatPolicy, formatRateLimit } from '../limit/limit-outcome.ts';
import type { Outcome } from '../outcome.ts';

/** Writes the reply in one piece. The caller has made sure that the response is still there. */
export function reply(response: HttpResponse, outcome: Outcome, closeConnection: boolean): void {
  response.cork(() => {
    if (outcome.kind === 'accepted') {
      response.writeStatus('202 Accepted').writeHeader('Content-Type', 'application/json');
      writeRateLimit(response, outcome);
      response.end(`{"accepted":${outcome.readings}}`, closeConnection);
      return;
    }
    const problem = problemOf(outcome.code, outcome.extras);
    response
      .writeStatus(`${problem.status} ${STATUS_CODES[problem.status] ?? ''}`)
      .writeHeader('Content-Type', 'application/problem+json');
    if (outcome.code === 'method-not-allowed') response.writeHeader('Allow', 'POST');
    if (outcome.retryAfterS !== undefined) response.writeHeader('Retry-After', String(outcome.retryAfterS));
    writeRateLimit(response, outcome);
    response.end(JSON.stringify(problem), closeConnection);
  });
}

function writeRateLimit(response: HttpResponse, { rateLimit }: Outcome): void {
  if (rateLimit === undefined) return;
  response
    .writeHeader('RateLimit-Policy', formatPolicy(rateLimit.policy))
    .writeHeader('RateLimit', formatRateLimit(rateLimit));
}
